"""The rights of the console: checks them, records refusals, and returns the person behind a request.

Rights are Django permissions. The roles Administrator, Support and Operator are groups that have them. Pages check
a right, never a role, so any other group with the right works too.
"""

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.translation import gettext as _

from providers.audit import record_act
from providers.client_address import client_address
from providers.events import Actor, EventKind
from providers.models import Provider

ADMINISTRATOR = "Administrator"
VIEW = "providers.view_provider"
VIEW_PERSONAL = "providers.view_personal"
VIEW_AUDIT = "providers.view_audit"
MANAGE_ACCOUNTS = "providers.manage_accounts"
EXPORT = "providers.export_data"
VIEW_PAYLOAD = "providers.view_payload"
ADD_PROVIDER = "providers.add_provider"
CHANGE_PROVIDER = "providers.change_provider"
DELETE_PROVIDER = "providers.delete_provider"
ADD_TOKEN = "providers.add_token"
CHANGE_TOKEN = "providers.change_token"
CHANGE_IP = "providers.change_iprule"


def may(request: HttpRequest, right: str) -> bool:
    """Return whether the person behind the request has the right."""
    return bool(request.user.has_perm(right))


def require(request: HttpRequest, right: str, act: str, provider: Provider | None = None) -> None:
    """Raise PermissionDenied, with the role to ask for, unless the person has the right (AC-ROLE-2).

    A refused attempt to change something is recorded; `act` completes "{actor} tried … and was refused".
    """
    if may(request, right):
        return
    record_refusal(request, act, provider)
    raise PermissionDenied(_("This needs the role %(role)s.") % {"role": _(ADMINISTRATOR)})


def record_refusal(request: HttpRequest, act: str, provider: Provider | None = None) -> None:
    """Record that a request was refused, unless it only wanted to read: reading is not an act."""
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        record_act(EventKind.ACT_REFUSED, actor_of(request), provider=provider, subject=act)


def actor_of(request: HttpRequest, account: AbstractBaseUser | AnonymousUser | None = None) -> Actor:
    """Return the person behind a request of the console, as the audit names them.

    `account` is for a person who is signing in, whom the request does not carry yet.
    """
    person: Any = account or request.user
    return Actor(
        person_id=person.pk,
        person_name=name_of(person)[:150] if person.pk else "",
        address=client_address(request),
        request_id=getattr(request, "request_id", None),
    )


def name_of(account: Any) -> str:
    """Return the name of a console account: the full name, or the user name if it has none."""
    return str(account.get_full_name() or account.get_username())
