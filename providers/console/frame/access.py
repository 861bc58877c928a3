"""Who may do what in the console, and who did it.

Rights are Django permissions; the roles Administrator, Support and Operator are groups that
hold them. Pages ask for a right, never for a role: another group with the right will do.
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
    return bool(request.user.has_perm(right))


def require(request: HttpRequest, right: str, act: str, provider: Provider | None = None) -> None:
    """Raise PermissionDenied naming the role to ask for; an act that was tried is written down (AC-ROLE-2).

    `act` completes "{actor} tried … and was refused".
    """
    if may(request, right):
        return
    record_refusal(request, act, provider)
    raise PermissionDenied(_("This needs the role %(role)s.") % {"role": _(ADMINISTRATOR)})


def record_refusal(request: HttpRequest, act: str, provider: Provider | None = None) -> None:
    """Looking is not an act: only a request that wanted to change something leaves a record."""
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        record_act(EventKind.ACT_REFUSED, actor_of(request), provider=provider, subject=act)


def actor_of(request: HttpRequest, account: AbstractBaseUser | AnonymousUser | None = None) -> Actor:
    """The person behind a request of the console (or `account`, while she is signing in)."""
    person: Any = account or request.user
    return Actor(
        person_id=person.pk,
        person_name=name_of(person)[:150] if person.pk else "",
        address=client_address(request),
        request_id=getattr(request, "request_id", None),
    )


def name_of(account: Any) -> str:
    """A console account as its colleagues know it."""
    return str(account.get_full_name() or account.get_username())
