"""One function a model, valid by default, naming only what a test is about; written as the product writes."""

import itertools
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.utils import timezone
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticDevice
from uuid_utils.compat import uuid7

from providers import request_log
from providers.administration import add_provider
from providers.events import SYSTEM
from providers.ip_rules import Network, read_range
from providers.models import AuthenticatorApp, IpMode, Provider, SyncedGroup, SyncedUser, Token
from providers.resources import writes
from providers.tokens import issue_token
from scim.clients import LIBERAL
from scim.protocol.attributes import GROUP, USER, ResourceType
from scim.protocol.patch import read_resource
from scim.protocol.projection import WHOLE
from scim.protocol.validation import keep_defaults
from scim.store import verbs
from scim.store.columns import row_of

_numbers = itertools.count(1)


def make_provider(
    title: str = "", *, kind: str = "entra", ip_mode: str = "off", ranges: tuple[str, ...] = (), **switches: bool
) -> Provider:
    networks = [network for network in map(read_range, ranges) if not hasattr(network, "reason")]
    return add_provider(
        title or f"Provider {next(_numbers)}",
        SYSTEM,
        kind=kind,
        ip_mode=IpMode(ip_mode),
        ranges={network: "" for network in networks if isinstance(network, Network)},
        switches=[name for name, is_on in switches.items() if is_on],
    )


def issue(provider: Provider, **options: Any) -> tuple[Token, str]:
    return issue_token(provider, SYSTEM, **options)


def call(provider: Provider, resource_type: ResourceType = USER, **options: Any) -> verbs.Call:
    """A request to the store as the API makes it."""
    return verbs.Call(
        **{
            "provider_id": provider.pk,
            "resource_type": resource_type,
            "policy": LIBERAL,
            "actor": SYSTEM,
            "projection": WHOLE,
        }
        | options
    )


def make_user(provider: Provider, user_name: str = "", **attributes: Any) -> SyncedUser:
    [user] = make_users(provider, [user_name or f"user{next(_numbers)}@example.com"], **attributes)
    return user


def make_users(provider: Provider, user_names: Iterable[str], **attributes: Any) -> list[SyncedUser]:
    """A user of each name. A statement writes each and one reads all; a POST of `verbs.create` takes four for each."""
    made, ids = call(provider), []
    for user_name in user_names:
        body = read_resource({"userName": user_name, **attributes}, USER, made.policy, made.notes)
        row = row_of(keep_defaults(None, made.shape(body), USER), USER)
        ids.append(writes.create(provider.pk, USER.name, row, made.actor, uuid7())[0])
    found = SyncedUser.objects.in_bulk(ids)
    return [found[pk] for pk in ids]


def make_group(
    provider: Provider, display_name: str = "", members: list[Any] | None = None, **attributes: Any
) -> SyncedGroup:
    ids = [{"value": str(getattr(member, "pk", member))} for member in members or []]
    body = {"displayName": display_name or f"Group {next(_numbers)}", "members": ids, **attributes}
    answer = verbs.create(call(provider, GROUP), body)
    return SyncedGroup.objects.get(pk=answer.id)


def make_calls(
    provider: Provider,
    status: int = 200,
    method: str = "GET",
    *,
    count: int = 1,
    ago: timedelta = timedelta(),
    **more: Any,
) -> None:
    """Requests of a provider as the log's writer gets them, `ago` before now; written at once."""
    at = more.pop("at", None) or timezone.now() - ago
    token_id = more.pop("token_id", 0)
    shared = {
        "reason": "",
        "scim_type": "",
        "detail": "",
        "resource_type": "User",
        "resource_id": None,
        "is_uncovered": False,
    } | more
    source = shared.pop("source_ip", "20.190.137.45")
    prefix = shared.pop("token_prefix", "ipr_7Qk2")
    for _ in range(count):
        entry = request_log.Entry(
            id=uuid7(nanoseconds=int(at.timestamp() * 1_000) * 1_000_000),
            at=at,
            provider_id=provider.pk,
            token_id=token_id,
            token_prefix=prefix,
            method=method,
            path="/scim/Users",
            query="",
            status=status,
            duration_ms=1.0,
            source_ip=source,
            client_request_id="",
            **shared,
        )
        request_log.writer.add(entry, touches_token=False)
    request_log.writer.flush()


def make_account(role: str | None, **attributes: Any) -> User:
    """A console account; `role` is Administrator, Support, Operator, "superuser" or None for no role."""
    name = attributes.pop("username", f"{(role or 'nobody').lower()}{next(_numbers)}")
    account = User.objects.create_user(
        name, password="correct horse battery", is_staff=True, is_superuser=role == "superuser", **attributes
    )
    if role and role != "superuser":
        account.groups.add(Group.objects.get(name=role))
    return account


def browser_of(account: User) -> Client:
    """Return a browser in which this account is signed in."""
    browser = Client(headers={"Host": "127.0.0.1"})
    browser.force_login(account)
    return browser


def code_of(account: User) -> str:
    """Return the code that the app of an account shows. It can be used again at once, and wrong codes are forgotten."""
    AuthenticatorApp.objects.filter(user=account).update(last_t=-1, drift=0, throttling_failure_count=0)
    StaticDevice.objects.filter(user=account).update(throttling_failure_count=0)
    return f"{totp(AuthenticatorApp.objects.get(user=account).bin_key):06}"


def fill_log(rows: int, **columns: str) -> None:
    """Write this number of rows of the provisioning log, a millisecond apart, with one statement."""
    values = {
        "provider_id": "1",
        "method": "'GET'",
        "path": "'/scim/Users'",
        "status": "200",
        "resource_type": "'User'",
        **columns,
    }
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO providers_requestlog (id, at, duration_ms, {', '.join(values)})"
            " SELECT (lpad(to_hex((extract(epoch FROM now() - interval '1 hour') * 1000)::bigint + n), 12, '0')"
            " || '7000' || lpad(to_hex((random() * 1e9)::bigint), 16, '8'))::uuid, now(), 3,"
            f" {', '.join(values.values())} FROM generate_series(1, %s) n",
            [rows],
        )
