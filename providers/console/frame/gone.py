"""The page for an act on something that was deleted in the meantime: by whom, when, and how it comes back."""

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from providers.console.frame import access
from providers.console.frame.page import Place, moment, show_dialog
from providers.events import EventKind
from providers.models import ChangeEvent, Provider

_OF_PROVIDER = (EventKind.PROVIDER_DELETED.value, EventKind.PROVIDER_PURGED.value)


@dataclass(frozen=True)
class _Words:
    """The title of the page, and the list that it links to."""

    title: str
    section: str
    list_word: str


class GoneError(Http404):
    """A page was asked for something that was deleted; `event` is its deletion, `restorable` a provider to restore."""

    def __init__(self, said: str, event: ChangeEvent, restorable: Provider | None = None) -> None:
        super().__init__(said)
        self.event = event
        self.restorable = restorable


def missing_provider(pk: int) -> Http404:
    """Return the error for a provider that is not live. Two queries."""
    said = _("There is no such provider.")
    event = ChangeEvent.objects.acts().of(pk).filter(kind__in=_OF_PROVIDER).order_by("-id").first()
    if event is None:
        return Http404(said)
    return GoneError(said, event, Provider.objects.restorable().filter(pk=pk).first())


def missing_resource(pk: Any, said: str) -> Http404:
    """Return the error for a user or group that does not exist, or that was purged. One query."""
    event = ChangeEvent.objects.about(pk).filter(kind=EventKind.RESOURCE_PURGED.value).first()
    return GoneError(said, event) if event else Http404(said)


def gone(request: HttpRequest, error: GoneError) -> HttpResponse:
    """Return the page (404), or the message in a dialog. A change that was sent says that it changed nothing."""
    words = _words(error.event)
    context = {
        "name": error.event.subject if error.event.resource_id is None else "",
        "person": error.event.person_name,
        "at": moment(error.event.at),
        "was_sent": request.method == "POST",
        "is_purged": error.restorable is None,
        "restore": error.restorable if access.may(request, access.DELETE_PROVIDER) else None,
        "list": reverse(f"admin:{words.section}"),
        "list_word": words.list_word,
    }
    return show_dialog(request, "console/frame/gone.html", words.title, Place(words.section), context, status=404)


def _words(event: ChangeEvent) -> _Words:
    if event.resource_id is None:
        return _Words(_("This provider was deleted"), "providers", _("All providers"))
    if event.resource_type == "Group":
        return _Words(_("This group was purged"), "groups", _("All groups"))
    return _Words(_("This user was purged"), "users", _("All users"))
