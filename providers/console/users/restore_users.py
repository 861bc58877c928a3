"""The dialog that undoes removals of many users: it shows what becomes of them, then restores and enables them.

The users come from a list, in one of three ways:

    sent                          users
    ----------------------------  ----------------------------------------------------------------------
    user=… user=…                 those that are ticked
    all=1 and filter=…            all in the list of users under that filter
    all=1, provider, since, until all whom the provider removed in that time

With `provider`, `since` and `until`, users who were disabled in that time are enabled. Otherwise they stay disabled.
"""

from collections.abc import Sequence
from copy import copy
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext
from django.views.decorators.http import require_http_methods

from providers.console.frame import access
from providers.console.frame.masking import mask_text
from providers.console.frame.page import Place, go_to, grouped, show_dialog
from providers.console.frame.records import read_moment
from providers.events import EventKind
from providers.ids import first_id_at, parse_id
from providers.models import ChangeEvent, Provider, Resource
from providers.removal_limit import removed_between
from providers.removal_undo import MOST, Fate, Undo, UndoChangedError, preview, undo

SHOWN = 20
# The parameters that say which users are meant; the form sends them again.
SOURCE = ("user", "all", "filter", "provider", "since", "until")


@require_http_methods(["GET", "HEAD", "POST"])
def restore_users(request: HttpRequest, users: Any) -> HttpResponse:
    """GET: show what becomes of the users. POST: restore and enable them, if that is still what was shown.

    `users` is the ModelAdmin of the list of users.
    """
    access.require(request, access.CHANGE_PROVIDER, gettext_noop("to restore deleted users"))
    sent = request.POST if request.method == "POST" else request.GET
    back = _back_to(sent)
    ids, enable = _selected(request, sent, users)
    has_changed = False
    if request.method == "POST":
        try:
            done = undo(ids, access.actor_of(request), shown=sent.get("shown", ""), enable=enable)
        except UndoChangedError:
            has_changed = True
        else:
            messages.success(request, _said(done))
            return go_to(request, back)
    found = preview(ids, enable)
    if not found.fates:
        messages.info(request, _("Choose at least one user."))
        return go_to(request, back)
    context = _context(request, sent, found) | {"has_changed": has_changed, "back": back, "beyond": len(ids) - MOST}
    title = _("Restore users?") if not found.of(Fate.ENABLE) else _("Restore and enable users?")
    place = Place("users", [(_("Users"), reverse("admin:users"))])
    status = 409 if has_changed else 200
    return show_dialog(request, "console/users/restore_users.html", title, place, context, status=status)


def _back_to(sent: QueryDict) -> str:
    """The list from which the users were chosen."""
    provider = sent.get("provider", "")
    if provider.isdecimal() and len(provider) < 19:
        times = QueryDict(mutable=True)
        times.update({name: sent.get(name, "") for name in ("since", "until")})
        return f"{reverse('admin:removed_users', args=[int(provider)])}?{times.urlencode()}"
    return f"{reverse('admin:users')}?{QueryDict(sent.get('filter', '')).urlencode()}"


def _selected(request: HttpRequest, sent: QueryDict, users: Any) -> tuple[Sequence[UUID], frozenset[UUID]]:
    """The ids of the selected users, at most one more than `MOST`, and of those who may be enabled."""
    ids = [found for found in map(parse_id, sent.getlist("user")[: MOST + 1]) if found]
    event = _event_of(sent)
    if event is None:
        return (_in_list(request, sent, users) if sent.get("all") else ids), frozenset()
    provider, since, until = event
    if sent.get("all"):
        ids = [removed.user_id for removed in removed_between(provider, since, until, MOST + 1)[0]]
    disabled = (
        ChangeEvent.objects.of(provider)
        .about(*ids)
        .filter(id__gte=first_id_at(since), kind=EventKind.RESOURCE_DISABLED, at__gte=since, at__lte=until)
    )
    return ids, frozenset(pk for pk in disabled.values_list("resource_id", flat=True) if pk)


def _event_of(sent: QueryDict) -> tuple[Provider, datetime, datetime] | None:
    """The provider and the time of the removals, if the list was that of removals."""
    number = sent.get("provider", "")
    since, until = (read_moment(sent.get(name, "")) for name in ("since", "until"))
    if not (number.isdecimal() and len(number) < 19 and since and until):
        return None
    provider = Provider.objects.live().filter(pk=int(number)).first()
    return (provider, since, until) if provider else None


def _in_list(request: HttpRequest, sent: QueryDict, users: Any) -> list[UUID]:
    """The ids of the deleted users under a filter of the list of users, in the order of the list."""
    asked: Any = copy(request)
    asked.GET = QueryDict(sent.get("filter", ""))
    rows = users.get_changelist_instance(asked).queryset
    return list(rows.in_recycle_bin().values_list("pk", flat=True)[: MOST + 1])


def _context(request: HttpRequest, sent: QueryDict, found: Undo) -> dict[str, Any]:
    can_see_names = access.may(request, access.VIEW_PERSONAL)
    lists = {fate: found.of(fate) for fate in Fate}
    shown = [pk for ids in lists.values() for pk in ids[:SHOWN]]
    users = Resource.objects.without_documents().in_bulk(shown)

    def named(fate: Fate) -> list[tuple[UUID, str]]:
        own = [users[pk] for pk in lists[fate][:SHOWN] if pk in users]
        return [(user.pk, user.label if can_see_names else mask_text(user.label)) for user in own]

    return {
        "source": [(name, value) for name in SOURCE for value in sent.getlist(name)],
        "key": found.key,
        "changed": found.changed,
        "most": MOST,
        "groups": [
            (fate.value, named(fate), len(lists[fate]), max(len(lists[fate]) - SHOWN, 0))
            for fate in Fate
            if lists[fate]
        ],
    }


def _said(done: Undo) -> str:
    restored, enabled = len(done.of(Fate.RESTORE)), len(done.of(Fate.ENABLE))
    said = []
    if restored:
        said.append(
            ngettext("%(count)s user is restored.", "%(count)s users are restored.", restored)
            % {"count": grouped(restored)}
        )
    if enabled:
        said.append(
            ngettext("%(count)s user is enabled.", "%(count)s users are enabled.", enabled)
            % {"count": grouped(enabled)}
        )
    return " ".join([*said, _("The directory does not notice this and continues as before.")])
