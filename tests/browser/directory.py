"""A small directory that has each state a page can show: for accessibility checks and screenshots."""

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network

from django.contrib.auth.models import User
from django.utils import timezone

from iprova_idm.demo.issuer import APPLICATION, SUBJECT, TENANT
from providers import oauth
from providers.administration import delete_provider
from providers.alerts import change_recipients, send_test
from providers.console.export import write_file
from providers.console.site import site
from providers.events import SYSTEM
from providers.ip_restriction import add_ranges, import_tag
from providers.models import (
    INSTALLATION,
    Alert,
    AuthenticatorApp,
    Export,
    FederatedTrust,
    JobRun,
    OAuthClient,
    Provider,
    SyncedGroup,
    SyncedUser,
    Token,
)
from providers.request_log import writer
from providers.schemas import add_schema
from scim.api import refusals
from scim.protocol.attributes import USER
from scim.store import verbs
from tests.conftest import ScimClient
from tests.factories import call, issue, make_account, make_calls, make_group, make_provider, make_user, make_users

EXTENSION = {
    "id": "urn:example:params:scim:schemas:extension:zorg:1.0:User",
    "name": "Zorg",
    "description": "What the hospital keeps of its staff",
    "attributes": [
        {"name": "afdeling", "returned": "always"},
        {
            "name": "dienst",
            "type": "complex",
            "subAttributes": [{"name": "code", "required": True}, {"name": "uren", "type": "decimal"}],
        },
    ],
}
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@dataclass(frozen=True)
class Directory:
    contoso: Provider
    empty: Provider
    trouble: Provider
    deleted: Provider
    held: Provider
    jane: SyncedUser
    removed: SyncedUser
    group: SyncedGroup
    token: Token
    client: OAuthClient
    learning: OAuthClient
    rule_id: int
    administrator: User
    colleague: User
    refused: str

    def addresses(self) -> dict[str, str]:
        """Every page of the console that an administrator can open, by name."""
        return {
            "home": "/",
            "dashboard": "/eum/",
            "provider-list": "/eum/providers/",
            "add-provider": "/eum/providers/add/",
            "users": "/eum/users/",
            "users-found": f"/eum/users/?q=jan&provider={self.contoso.pk}",
            "users-empty": "/eum/users/?q=jahne&status=active",
            "users-never-created": "/eum/users/?q=jan+boer&status=removed",
            "user": f"/eum/users/{self.jane.pk}/",
            "groups": "/eum/groups/",
            "user-removed": f"/eum/users/{self.removed.pk}/",
            "purge": f"/eum/recycle-bin/{self.removed.pk}/purge/",
            "group": f"/eum/groups/{self.group.pk}/",
            "log": "/eum/log/",
            "log-found": f"/eum/log/?outcome=rejected&provider={self.contoso.pk}&lookups=1",
            "log-empty": "/eum/log/?status=418",
            "log-entry": f"/eum/log/{self.refused}/",
            "log-payload": f"/eum/log/{self.refused}/payload/",
            "not-provisioned": "/eum/not-provisioned/",
            "not-provisioned-none": "/eum/not-provisioned/?q=jahne",
            "refused": "/eum/refused/",
            "audit": "/eum/audit/",
            "exports": "/eum/exports/",
            "accounts": "/accounts/",
            "add-account": "/accounts/add/",
            "account": f"/accounts/{self.administrator.pk}/",
            "guide-overview": "/eum/guide/",
            "housekeeping": "/housekeeping/",
            "all-alerts": "/eum/alerts/",
            "not-found": "/eum/nothing/",
            "not-allowed": "/language/",
            "password": "/password_change/",
            "time-zone": "/time-zone/",
            "two-step": "/two-step/",
            "account-two-step": f"/accounts/{self.colleague.pk}/",
            **self._of_providers(),
        }

    def _of_providers(self) -> dict[str, str]:
        provider = f"/eum/providers/{self.contoso.pk}/"
        return {
            "provider": provider,
            "provider-new": f"/eum/providers/{self.empty.pk}/",
            "tokens": f"{provider}tokens/",
            "tokens-none": f"/eum/providers/{self.empty.pk}/tokens/",
            "provider-refused": f"/eum/providers/{self.trouble.pk}/",
            "edit-provider": f"{provider}edit/",
            "pause-provider": f"{provider}pause/",
            "delete-provider": f"{provider}delete/",
            "restore-provider": f"/eum/providers/{self.deleted.pk}/restore/",
            "rotate-token": f"{provider}tokens/{self.token.pk}/rotate/",
            "suspend-token": f"{provider}tokens/{self.token.pk}/suspend/",
            "token-expiry": f"{provider}tokens/{self.token.pk}/expiry/",
            "revoke-token": f"{provider}tokens/{self.token.pk}/revoke/",
            "clients": f"{provider}sign-in/",
            "clients-none": f"/eum/providers/{self.empty.pk}/sign-in/",
            "add-client": f"{provider}sign-in/add/",
            "add-federated-client": f"{provider}sign-in/add-workload-identity/",
            "rotate-secret": f"{provider}sign-in/{self.client.pk}/rotate/",
            "suspend-client": f"{provider}sign-in/{self.client.pk}/suspend/",
            "revoke-client": f"{provider}sign-in/{self.client.pk}/revoke/",
            "edit-trust": f"{provider}sign-in/{self.learning.pk}/trust/",
            "ip-restriction": f"{provider}ip-restriction/?check=20.190.137.45",
            "ip-restriction-enforced": f"/eum/providers/{self.trouble.pk}/ip-restriction/",
            "ip-restriction-new": f"/eum/providers/{self.empty.pk}/ip-restriction/",
            "add-ranges": f"{provider}ip-restriction/add/?ranges=52.146.136.12",
            "remove-range": f"{provider}ip-restriction/remove/?range={self.rule_id}",
            "import-ranges": f"{provider}ip-restriction/import/",
            "schemas": f"{provider}schemas/",
            "upload-schema": f"{provider}schemas/upload/",
            "removals": f"/eum/providers/{self.held.pk}/removals/",
            "removals-none": f"{provider}removals/",
            "removals-allow": f"/eum/providers/{self.held.pk}/removals/allow/",
            "removals-off": f"/eum/providers/{self.held.pk}/removals/off/",
            "removed-users": f"/eum/providers/{self.held.pk}/removals/users/",
            "users-deleted": "/eum/users/?status=removed",
            "restore-users": "/eum/recycle-bin/restore/?all=1&filter=status%3Dremoved",
            "alerts": f"{provider}alerts/",
            "guide": f"{provider}guide/",
            "guide-okta": f"{provider}guide/?for=okta",
            "guide-print": f"{provider}guide/?print=1",
            "history": f"{provider}history/",
            "history-people": f"{provider}history/?what=people",
        }


def _others(contoso: Provider, token: Token) -> tuple[Provider, Provider]:
    """A day of requests, with a provider in each kind of trouble."""
    for hour, count in enumerate((7, 40, 18, 12, 6, 1, 0, 0, 2, 9, 25, 55, 60, 35, 38, 29, 12, 14, 4, 3, 2, 1, 8, 12)):
        make_calls(contoso, 204, "PATCH", count=count, ago=timedelta(hours=hour, minutes=12))
    make_calls(
        contoso, 409, "POST", count=2, ago=timedelta(hours=1, minutes=11), scim_type="uniqueness", reason="name-taken"
    )
    make_calls(contoso, 400, count=1, ago=timedelta(hours=3), scim_type="invalidFilter", reason="invalid-filter")
    make_calls(contoso, count=4, ago=timedelta(minutes=12), source_ip="52.146.136.12", is_uncovered=True)
    refused = make_provider("Zorgpartners Entra ID", ip_mode="enforce", ranges=("20.190.128.0/18",))
    ended, _value = issue(refused, expires_at=timezone.now() - timedelta(hours=1))
    make_calls(refused, count=30, method="PATCH", ago=timedelta(hours=3))
    expired = refusals.ended_token("expired")
    said = {"detail": expired.detail, "reason": expired.reason.value}
    make_calls(refused, 401, count=14, ago=timedelta(minutes=50), token_id=ended.pk, **said)
    make_calls(make_provider("Okta Thuiszorg De Linde"), 204, "PATCH", count=20, ago=timedelta(hours=2))
    deleted = make_provider("Oude proefomgeving")
    delete_provider(deleted, SYSTEM)
    return refused, deleted


def _alerts(contoso: Provider) -> None:
    """Recipients with an alert that was sent, one that waits, and two that could not be sent."""
    addresses, webhook = ["functioneel.beheer@contoso.com"], "https://127.0.0.1/services/T0/B0/abcdefghijkl"
    now = timezone.now()
    for provider in (contoso, None):
        change_recipients(provider, SYSTEM, addresses=addresses, webhook=webhook, has_digest=True)
        shared = {"provider_id": provider.pk if provider else INSTALLATION, "target": addresses[0], "next_at": now}
        for key, subject, sent_at in (
            ("old", "Contoso Entra ID is silent", now - timedelta(hours=7)),
            ("new", "Contoso Entra ID works again", None),
        ):
            key = f"{key} {shared['provider_id']}"
            Alert.objects.create(key=key, subject=subject, body="", sent_at=sent_at, created_at=now, **shared)
        send_test(provider)


def _clients(contoso: Provider) -> tuple[OAuthClient, OAuthClient]:
    """A client with two secrets that is in use, and one whose first assertion waits for an administrator."""
    client, _secret, _value = oauth.add_client(contoso, SYSTEM, label="Entra ID")
    oauth.rotate_secret(client, SYSTEM, overlap=timedelta(days=7), is_copied=False)
    used = timezone.now() - timedelta(minutes=12)
    OAuthClient.objects.filter(pk=client.pk).update(first_used_at=used, last_used_at=used, last_used_ip="20.190.137.45")
    learning = oauth.add_federated_client(contoso, SYSTEM, oauth.entra_trust(TENANT), label="Workload identity")
    claims = {"iss": oauth.entra_trust(TENANT).issuer, "sub": SUBJECT, "aud": APPLICATION, "tid": TENANT}
    FederatedTrust.objects.filter(client=learning).update(learned=claims, learned_at=used)
    return client, learning


def _jobs() -> None:
    """A run of a job that succeeded, one that failed, and one that is overdue."""
    now = timezone.now()
    done = {"ran_at": now - timedelta(hours=5), "took_ms": 12, "has_failed": False}
    JobRun.objects.create(job="make_partitions", **done | {"result": "partitions for 6 months ahead"})
    JobRun.objects.create(job="forget_bodies", **done | {"result": "OperationalError", "has_failed": True})
    JobRun.objects.create(
        job="forget_counts", **done | {"result": "1 rows", "ran_at": timezone.now() - timedelta(days=4)}
    )


def fill() -> Directory:
    administrator = make_account("Administrator", username="a.bakker", first_name="Anna", last_name="Bakker")
    colleague = make_account("Support", username="b.visser", first_name="Bo", last_name="Visser")
    AuthenticatorApp.objects.create(user=colleague, name="app")
    contoso = make_provider("Contoso Entra ID", ip_mode="observe", ranges=("20.190.128.0/18", "2603:1056:2000::/48"))
    held = _held()
    empty = make_provider("Revalidatie Entra ID")
    paused = make_provider("Stagiairs Hogeschool")
    Provider.objects.filter(pk=paused.pk).update(paused_at=timezone.now())
    token, _value = issue(contoso)
    Token.objects.filter(pk=token.pk).update(
        last_used_at=timezone.now() - timedelta(minutes=12), last_used_ip="20.190.137.45", created_by=administrator
    )
    client, learning = _clients(contoso)
    trouble, deleted = _others(contoso, token)
    jane = make_user(
        contoso,
        "j.deboer@contoso.com",
        displayName="Jane de Boer",
        externalId="9d3f4c1e-6b0a-4f0d-8a57-0c2e9be6f1d4",
        active=False,
        name={"givenName": "Jane", "familyName": "de Boer"},
        title="Verpleegkundige",
        emails=[{"type": "work", "value": "j.deboer@contoso.com", "primary": True}],
        phoneNumbers=[{"type": "work", "value": "+31 40 555 0182"}],
        **{ENTERPRISE: {"department": "Kwaliteit", "employeeNumber": "40182"}},
    )
    names = ("Janet Hendriks", "Janë Koçi", "Mary-Jane van Dijk", "Adjane Mensah", "Janelle Wouters", "Jan Visser")
    others = [make_user(contoso, f"{name.split()[-1].lower()}@contoso.com", displayName=name) for name in names]
    verbs.delete(call(contoso, USER), str(others[-1].pk))
    group = make_group(contoso, "iProva users", members=[jane, *others[:-1]])
    editors = make_group(contoso, "Editors", members=[jane, *others[:2]])
    refused = _play(contoso, jane, editors)
    add_ranges(contoso, {ip_network("198.51.100.24/32"): "Test from our own network"}, SYSTEM)
    import_tag(contoso, "AzureActiveDirectory", 214, [ip_network("40.126.0.0/18")], SYSTEM)
    rule_id = contoso.ip_rules.values_list("pk", flat=True).get(cidr="20.190.128.0/18")
    _jobs()
    add_schema(contoso, EXTENSION, SYSTEM)
    _alerts(contoso)
    _export(administrator)
    return Directory(
        contoso,
        empty,
        trouble,
        deleted,
        held,
        jane,
        others[-1],
        group,
        token,
        client,
        learning,
        rule_id,
        administrator,
        colleague,
        refused,
    )


def _export(owner: User) -> None:
    """An export in each state: ready, failed, interrupted, counting and half written."""
    asked = {"owner": owner, "language": "en"}
    done = Export.objects.create(listed="users", query="status=disabled&q=jan", **asked)
    write_file(done.pk, site.lists)
    now = timezone.now()
    failed = {"state": "failed", "failure": "too-large", "ended_at": now, "asked_at": now - timedelta(minutes=8)}
    Export.objects.create(listed="log", query="lookups=1", **asked, **failed)
    Export.objects.create(listed="audit", started_at=now, **asked)
    asked["asked_at"] = now + timedelta(hours=1)  # no process writes them, and they are to look alive for that long
    Export.objects.create(listed="groups", **asked)
    Export.objects.create(listed="users", expected=1_048_211, row_count=381_000, **asked)


def _held() -> Provider:
    """A provider with removals of two users and of a group held back, after twenty."""
    held = make_provider("Ziekenhuis Zuid Entra ID")
    Provider.objects.filter(pk=held.pk).update(removal_limit="hold")
    people = make_users(held, (f"vertrekker{number:02}@zuid.example" for number in range(25)))
    ward = make_group(held, "Verpleegafdeling 3", members=people)
    client = ScimClient(issue(held)[1])
    for person in people[:21]:
        client.patch(f"/Users/{person.pk}", {"op": "replace", "path": "active", "value": False})
    client.delete(f"/Users/{people[22].pk}")
    client.delete(f"/Groups/{ward.pk}")
    writer.flush()
    return held


def _play(contoso: Provider, jane: SyncedUser, editors: SyncedGroup) -> str:
    """Change a user over HTTP, so that log and timeline have it. Return the id of a rejected request."""
    second, value = issue(contoso)
    client = ScimClient(value)
    by_entra = {"client-request-id": "4d2b6a0e-1c57-4f0e-9a8e-2f0b7c1d9e33"}
    client.get("/ServiceProviderConfig")
    client.get("/Users", filter='userName eq "0c2e9be6-6b0a-4f0d-8a57-9d3f4c1ef1d4"')
    client.get("/Users", filter='userName eq "j.deboer@contoso.com"')
    client.patch(f"/Users/{jane.pk}", {"op": "replace", "path": "active", "value": True})
    client.patch(
        f"/Users/{jane.pk}",
        {"op": "replace", "path": f"{ENTERPRISE}:department", "value": "Zorg"},
        {"op": "replace", "path": "title", "value": "Teamleider"},
        {"op": "remove", "path": 'phoneNumbers[type eq "work"]'},
    )
    for _ in range(12):
        client.patch(f"/Users/{jane.pk}", {"op": "replace", "path": "title", "value": "Teamleider"})
    member = [{"value": str(jane.pk)}]
    client.patch(f"/Groups/{editors.pk}", {"op": "remove", "path": "members", "value": member})
    client.patch(f"/Users/{jane.pk}", {"op": "replace", "path": "active", "value": False})
    taken = {"userName": "j.deboer@contoso.com", "displayName": "Jan de Boer", "password": "not kept"}
    refused: str = client.post("/Users", taken, headers=by_entra)["X-Request-Id"]
    client.post("/Users", {"displayName": "Nobody"})
    client.get("/Users/unknown")
    Token.objects.filter(pk=second.pk).update(revoked_at=timezone.now())
    client.get("/Users")
    ScimClient(None).get("/Users")
    ScimClient("ipr_nothing").get("/Users")
    writer.flush()
    return refused
