"""Turns a change event into one sentence: who did what to whom. Every page takes its sentences from here."""

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from providers.console.accounts.sign_in import UNKNOWN_NAME
from providers.console.frame.masking import mask_text
from providers.events import EventKind
from providers.models import ChangeEvent, Provider


def sentence_of(event: ChangeEvent, provider: Provider | None = None, *, can_see_names: bool) -> SafeString:
    """Return the sentence about an event. A user's name is masked unless `can_see_names`.

    `provider` is given if the page wants the provider named whose token caused the event.
    """
    return format_html(
        event.event_kind.sentence,
        actor=format_html("<strong>{}</strong>", _actor_of(event, provider)),
        subject=format_html("<bdi>{}</bdi>", subject_of(event, can_see_names=can_see_names)),
    )


def _actor_of(event: ChangeEvent, provider: Provider | None) -> str:
    if event.person_name:
        return event.person_name
    if event.token_prefix and provider:
        return f"{provider.title} ({event.token_prefix}…)"
    return _("Somebody") if event.kind == EventKind.SIGN_IN_FAILED else _("The system")


def subject_of(event: ChangeEvent, *, can_see_names: bool) -> str:
    """Return whom or what an event is about.

    A user's name is masked unless `can_see_names`. Texts of our own, such as "an unknown name", are translated.
    """
    is_ours = event.kind == EventKind.ACT_REFUSED or event.subject == UNKNOWN_NAME
    if is_ours and event.subject:
        return _(event.subject)
    is_personal = event.resource_id is not None and event.resource_type != "Group"
    return mask_text(event.subject) if is_personal and not can_see_names else event.subject
