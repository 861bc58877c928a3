"""The histories that the summary of a user is tried on: what happened over SCIM and in the console, as functions.

Each plays on a directory and returns the id of the user whose page support opens, or the address of a search that finds
no user. What the page must show then is in `histories.toml`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone
from uuid_utils.compat import uuid7

from providers.administration import delete_provider, pause_provider, resume_provider
from providers.events import Actor
from providers.models import IpMode, Provider, ProviderActivity, RemovalLimit
from providers.removal_decisions import (
    allow_waiting,
    lift_rejection,
    reject_removals,
    situation_of,
    switch_limit_off,
)
from providers.removal_undo import preview, undo
from providers.request_log import writer
from providers.resources.recycle_bin import restore
from providers.tokens import revoke_token
from scim.protocol.attributes import ENTERPRISE_USER
from tests.conftest import ScimClient
from tests.factories import issue, make_account, make_calls, make_provider
from tests.providers.console.users.conftest import forget_events

Operation = dict[str, Any]


def anna() -> Actor:
    """An administrator who decides."""
    return Actor(person_id=make_account("Administrator").pk, person_name="Anna Bakker")


def replace(path: str, value: Any) -> Operation:
    return {"op": "replace", "path": path, "value": value}


def off(value: Any = False) -> Operation:
    return replace("active", value)


@dataclass
class Directory:
    """One provider and its directory, which sends every request over HTTP and expects a status."""

    title: str
    provider: Provider = field(init=False)

    def __post_init__(self) -> None:
        self.provider = make_provider(self.title)
        self.token, value = issue(self.provider)
        self.client = ScimClient(value)

    def send(self, method: str, path: str, body: object = None, *, status: int = 200) -> Any:
        answer = self.client.request(method, path, body)
        assert answer.status_code == status, answer.content
        writer.flush()
        return answer.json() if answer.content else None

    def user(self, user_name: str = "jane@contoso.com", *, status: int = 201, **attributes: Any) -> str:
        body = {"userName": user_name, "displayName": "Jane de Boer", **attributes}
        return str(self.send("POST", "/Users", body, status=status).get("id"))

    def group(self, name: str, *members: str) -> str:
        body = {"displayName": name, "members": [{"value": member} for member in members]}
        return str(self.send("POST", "/Groups", body, status=201)["id"])

    def patch(self, path: str, *operations: Operation, status: int = 200) -> None:
        schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
        self.send("PATCH", path, {"schemas": [schema], "Operations": list(operations)}, status=status)

    def change(self, user: str, *operations: Operation, status: int = 200) -> None:
        self.patch(f"/Users/{user}", *operations, status=status)

    def join(self, group: str, user: str) -> None:
        self.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": user}]}, status=204)

    def leave(self, group: str, user: str) -> None:
        self.patch(f"/Groups/{group}", {"op": "remove", "path": "members", "value": [{"value": user}]}, status=204)

    def delete(self, path: str, *, status: int = 204) -> None:
        self.send("DELETE", path, status=status)

    def now(self) -> Provider:
        return Provider.objects.get(pk=self.provider.pk)

    def set(self, **fields: Any) -> None:
        Provider.objects.filter(pk=self.provider.pk).update(**fields)

    @contextmanager
    def holding(self) -> Iterator[None]:
        """The removal limit has been reached: removals are held back from here on."""
        self.set(removal_limit=RemovalLimit.HOLD, held_at=timezone.now())
        yield


Play = Callable[[Directory], str | UUID]
HISTORIES: dict[str, Play] = {}


def history(play: Play) -> Play:
    HISTORIES[play.__name__] = play
    return play


@history
def created(contoso: Directory) -> str:
    return contoso.user()


@history
def created_disabled(contoso: Directory) -> str:
    return contoso.user(active=False)


@history
def disabled_and_enabled_again(contoso: Directory) -> str:
    jane = contoso.user()
    contoso.change(jane, off())
    contoso.change(jane, replace("active", True))
    return jane


@history
def disabled_and_left_a_group(contoso: Directory) -> str:
    jane = contoso.user()
    editors = contoso.group("Editors", jane)
    contoso.change(jane, off("False"))
    contoso.leave(editors, jane)
    return jane


@history
def deleted_and_the_name_taken_again(contoso: Directory) -> str:
    jane = contoso.user()
    contoso.group("Editors", jane)
    contoso.change(jane, off())
    contoso.delete(f"/Users/{jane}")
    contoso.user()
    return jane


@history
def created_again(contoso: Directory) -> str:
    deleted_and_the_name_taken_again(contoso)
    return str(contoso.send("GET", "/Users")["Resources"][0]["id"])


@history
def moved_between_groups(contoso: Directory) -> str:
    jane = contoso.user()
    editors, auditors = contoso.group("Editors", jane), contoso.group("Auditors")
    contoso.leave(editors, jane)
    contoso.join(auditors, jane)
    return jane


@history
def renamed(contoso: Directory) -> str:
    jane = contoso.user(name={"familyName": "de Boer", "givenName": "Jane"})
    contoso.change(
        jane,
        replace("displayName", "Jane Smit"),
        replace("name.familyName", "Smit"),
        replace("userName", "jane.smit@contoso.com"),
    )
    return jane


@history
def rename_rejected_because_the_name_is_taken(contoso: Directory) -> str:
    contoso.user("john@contoso.com", displayName="John Smit")
    jane = contoso.user()
    contoso.change(jane, replace("userName", "john@contoso.com"), status=409)
    return jane


@history
def bad_value_rejected_then_an_update_without_a_change(contoso: Directory) -> str:
    jane = contoso.user()
    contoso.change(jane, replace("active", "maybe"), status=400)
    contoso.change(jane, replace("displayName", "Jane de Boer"))
    return jane


@history
def active_here_and_disabled_by_another_provider(contoso: Directory) -> str:
    jane = contoso.user()
    fabrikam = Directory("Fabrikam Okta")
    fabrikam.change(fabrikam.user(), off())
    return jane


@history
def disabled_here_and_active_at_another_provider(contoso: Directory) -> str:
    jane = contoso.user()
    Directory("Fabrikam Okta").user()
    contoso.change(jane, off())
    return jane


@history
def group_deleted(contoso: Directory) -> str:
    jane = contoso.user()
    contoso.delete(f"/Groups/{contoso.group('Temporary team', jane)}")
    return jane


@history
def updates_without_a_change(contoso: Directory) -> str:
    jane = contoso.user()
    for _ in range(3):
        contoso.change(jane, replace("displayName", "Jane de Boer"))
    return jane


@history
def disabled_twice(contoso: Directory) -> str:
    jane = contoso.user()
    contoso.change(jane, off())
    contoso.change(jane, off())
    return jane


@history
def replaced_without_most_attributes(contoso: Directory) -> str:
    name = {"familyName": "de Boer", "givenName": "Jane"}
    jane = contoso.user(name=name, title="Nurse", emails=[{"type": "work", "value": "jane@contoso.com"}])
    contoso.send("PUT", f"/Users/{jane}", {"userName": "jane@contoso.com"})
    return jane


@history
def deleted_without_being_disabled(contoso: Directory) -> str:
    jane = contoso.user()
    contoso.group("Editors", jane)
    contoso.delete(f"/Users/{jane}")
    return jane


@history
def enabled_again_then_changed(contoso: Directory) -> str:
    jane = disabled_and_enabled_again(contoso)
    contoso.change(str(jane), replace("title", "Surgeon"))
    return str(jane)


@history
def disabled_then_changed(contoso: Directory) -> str:
    jane = contoso.user()
    contoso.change(jane, off())
    contoso.change(jane, replace("title", "Surgeon"))
    return jane


@history
def written_from_right_to_left(contoso: Directory) -> str:
    jane = contoso.user(displayName="ג'יין דה בור")
    contoso.change(jane, replace("displayName", "ג'יין סמיט"))
    return jane


@history
def with_emoji(contoso: Directory) -> str:
    jane = contoso.user(displayName="Jane 👩‍⚕️")
    contoso.change(jane, replace("displayName", "Jane 🌷"))
    return jane


@history
def with_a_very_long_name(contoso: Directory) -> str:
    jane = contoso.user()
    contoso.change(jane, replace("displayName", "J" * 220))
    return jane


@history
def without_a_name(contoso: Directory) -> str:
    return str(contoso.send("POST", "/Users", {"userName": "jane@contoso.com"}, status=201)["id"])


@history
def with_an_override_character(contoso: Directory) -> str:
    jane = contoso.user()
    contoso.change(jane, replace("displayName", "Jane \u202eevil"))
    return jane


@history
def disabled_by_a_bulk_request(contoso: Directory) -> str:
    jane = contoso.user()
    operation = {
        "method": "PATCH",
        "path": f"/Users/{jane}",
        "data": {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [off()]},
    }
    schema = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
    contoso.send("POST", "/Bulk", {"schemas": [schema], "Operations": [operation]})
    return jane


@history
def provider_deleted(contoso: Directory) -> str:
    jane = contoso.user()
    delete_provider(contoso.now(), anna())
    return jane


@history
def blocked_by_the_ip_restriction(contoso: Directory) -> str:
    jane = contoso.user()
    contoso.set(ip_mode=IpMode.ENFORCE)
    contoso.change(jane, off(), status=403)
    return jane


@history
def one_external_id_for_two_users(contoso: Directory) -> str:
    jane = contoso.user(externalId="5c7d62a1-5a6f-4b6b-8f0b-0b7b0a1e7a10")
    contoso.user("john@contoso.com", displayName="John Smit", externalId="5c7d62a1-5a6f-4b6b-8f0b-0b7b0a1e7a10")
    return jane


@history
def group_in_a_group(contoso: Directory) -> str:
    jane = contoso.user()
    inner = contoso.group("Editors", jane)
    contoso.group("All editors", inner)
    return jane


@history
def disabling_held_back(contoso: Directory) -> str:
    jane = contoso.user()
    with contoso.holding():
        contoso.change(jane, off(), status=503)
    return jane


@history
def deletion_held_back(contoso: Directory) -> str:
    jane = contoso.user()
    with contoso.holding():
        contoso.delete(f"/Users/{jane}", status=503)
        contoso.delete(f"/Users/{jane}", status=503)
    return jane


@history
def disabling_held_back_then_rejected(contoso: Directory) -> str:
    jane = str(disabling_held_back(contoso))
    reject_removals(contoso.now(), anna())
    contoso.change(jane, off(), status=403)
    return jane


@history
def disabled_before_removals_were_held_back(contoso: Directory) -> str:
    jane, john = contoso.user(), contoso.user("john@contoso.com")
    contoso.change(jane, off())
    with contoso.holding():
        contoso.change(john, off(), status=503)
    return jane


@history
def added_to_a_group_later(contoso: Directory) -> str:
    jane = contoso.user()
    contoso.join(contoso.group("Editors"), jane)
    return jane


@history
def added_to_a_group_after_being_disabled(contoso: Directory) -> str:
    jane = contoso.user()
    contoso.change(jane, off())
    contoso.join(contoso.group("Editors"), jane)
    return jane


@history
def mail_address_changed(contoso: Directory) -> str:
    jane = contoso.user(emails=[{"type": "work", "value": "jane@contoso.com"}])
    contoso.change(jane, replace('emails[type eq "work"].value', "jane.smit@contoso.com"))
    return jane


@history
def restored_by_an_administrator(contoso: Directory) -> str:
    jane = contoso.user()
    contoso.group("Editors", jane)
    contoso.delete(f"/Users/{jane}")
    restore(contoso.provider.pk, UUID(jane), anna(), uuid7())
    return jane


@history
def manager_set(contoso: Directory) -> str:
    john, jane = contoso.user("john@contoso.com", displayName="John Smit"), contoso.user()
    contoso.change(jane, {"op": "add", "path": f"{ENTERPRISE_USER}:manager", "value": john})
    return jane


@history
def change_rejected_then_accepted(contoso: Directory) -> str:
    john = contoso.user("john@contoso.com", displayName="John Smit")
    jane = contoso.user()
    contoso.change(jane, replace("userName", "john@contoso.com"), status=409)
    contoso.delete(f"/Users/{john}")
    contoso.change(jane, replace("userName", "john@contoso.com"))
    return jane


@history
def rename_and_disabling_rejected_together(contoso: Directory) -> str:
    contoso.user("john@contoso.com", displayName="John Smit")
    jane = contoso.user()
    contoso.change(jane, replace("userName", "john@contoso.com"), off(), status=409)
    return jane


@history
def enabling_not_done_because_of_a_pause(contoso: Directory) -> str:
    jane = contoso.user()
    contoso.change(jane, off())
    pause_provider(contoso.now(), anna())
    contoso.change(jane, replace("active", True), status=503)
    return jane


@history
def older_than_the_history(contoso: Directory) -> str:
    jane = contoso.user()
    contoso.user("john@contoso.com")
    forget_events(UUID(jane))
    return jane


@history
def disabled_before_the_history_starts(contoso: Directory) -> str:
    jane = contoso.user()
    contoso.change(jane, off())
    contoso.user("john@contoso.com")
    forget_events(UUID(jane))
    return jane


@history
def second_creation_rejected(contoso: Directory) -> str:
    contoso.user()
    contoso.user("john@contoso.com", active="maybe", status=400)
    contoso.user("john@contoso.com", active="maybe", status=400)
    return "/eum/users/?q=john@contoso.com"


# More than one cause at once, and what came after.


@history
def rename_alone_accepted_after_both_were_rejected(contoso: Directory) -> str:
    jane = str(rename_and_disabling_rejected_together(contoso))
    contoso.change(jane, replace("userName", "jane.smit@contoso.com"))
    return jane


@history
def rename_rejected_and_disabling_held_back(contoso: Directory) -> str:
    jane = str(rename_rejected_because_the_name_is_taken(contoso))
    with contoso.holding():
        contoso.change(jane, off(), status=503)
    return jane


@history
def held_back_then_enabled_by_the_directory(contoso: Directory) -> str:
    jane = str(disabling_held_back(contoso))
    contoso.change(jane, replace("active", True))
    return jane


@history
def held_back_then_allowed_and_not_asked_again(contoso: Directory) -> str:
    jane = str(disabling_held_back(contoso))
    provider = contoso.now()
    allow_waiting(provider, anna(), waiting=situation_of(provider).waiting_key)
    return jane


@history
def held_back_then_allowed_and_asked_again(contoso: Directory) -> str:
    jane = str(held_back_then_allowed_and_not_asked_again(contoso))
    contoso.change(jane, off())
    return jane


@history
def held_back_then_the_limit_switched_off(contoso: Directory) -> str:
    jane = str(disabling_held_back(contoso))
    switch_limit_off(contoso.now(), anna(), hours=8)
    return jane


@history
def removal_of_all_members_held_back(contoso: Directory) -> str:
    jane = contoso.user()
    editors = contoso.group("Editors", jane)
    with contoso.holding():
        contoso.delete(f"/Groups/{editors}", status=503)
    return jane


@history
def rejected_then_lifted(contoso: Directory) -> str:
    jane = str(disabling_held_back_then_rejected(contoso))
    lift_rejection(contoso.now(), anna())
    return jane


@history
def paused_and_resumed_before_the_directory_asked_again(contoso: Directory) -> str:
    jane = str(enabling_not_done_because_of_a_pause(contoso))
    resume_provider(contoso.now(), anna())
    return jane


@history
def refused_because_its_token_was_revoked(contoso: Directory) -> str:
    jane = contoso.user()
    revoke_token(contoso.token, anna())
    contoso.change(jane, off(), status=401)
    return jane


@history
def disabled_by_put_and_held_back(contoso: Directory) -> str:
    jane = contoso.user()
    with contoso.holding():
        body = {"userName": "jane@contoso.com", "displayName": "Jane de Boer", "active": False}
        contoso.send("PUT", f"/Users/{jane}", body, status=503)
    return jane


@history
def disabled_and_renamed_in_one_request(contoso: Directory) -> str:
    jane = contoso.user()
    contoso.change(jane, off(), replace("userName", "jane.old@contoso.com"))
    return jane


@history
def created_disabled_and_deleted(contoso: Directory) -> str:
    jane = contoso.user(active=False)
    contoso.delete(f"/Users/{jane}")
    return jane


@history
def restored_while_disabled(contoso: Directory) -> str:
    jane = contoso.user()
    contoso.change(jane, off())
    contoso.delete(f"/Users/{jane}")
    restore(contoso.provider.pk, UUID(jane), anna(), uuid7())
    return jane


@history
def enabled_by_an_administrator(contoso: Directory) -> str:
    jane = contoso.user()
    contoso.change(jane, off())
    undo([UUID(jane)], anna(), shown=preview([UUID(jane)], [UUID(jane)]).key, enable=[UUID(jane)])
    return jane


@history
def changed_then_moved_to_a_group(contoso: Directory) -> str:
    jane = contoso.user()
    contoso.change(jane, replace("title", "Surgeon"))
    contoso.join(contoso.group("Doctors"), jane)
    return jane


@history
def directory_silent(contoso: Directory) -> str:
    jane = contoso.user()
    long_ago = timezone.now() - timedelta(days=3)
    ProviderActivity.objects.filter(pk=contoso.provider.pk).update(accepted_at=long_ago)
    return jane


@history
def asked_too_fast(contoso: Directory) -> str:
    jane = contoso.user()
    asked = {"asked": ["active"], "intent": "disable"}
    make_calls(contoso.provider, 429, "PATCH", resource_id=UUID(jane), **asked)
    return jane


@history
def error_of_ours(contoso: Directory) -> str:
    jane = contoso.user()
    asked = {"asked": ["title"], "reason": "internal-error"}
    make_calls(contoso.provider, 500, "PATCH", resource_id=UUID(jane), **asked)
    return jane


@history
def provider_deleted_after_a_held_removal(contoso: Directory) -> str:
    jane = str(disabling_held_back(contoso))
    delete_provider(contoso.now(), anna())
    return jane
