"""The dialogs that add, remove, merge and import the allowed ranges of a provider's IP restriction."""

from typing import Any

from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext
from django.views.decorators.http import require_http_methods

from providers import ip_restriction as domain
from providers.console.frame import access
from providers.console.frame.page import go_to, grouped, show_dialog
from providers.console.provider.forms import RangesForm, with_suggestion
from providers.console.provider.ip_restriction import CANNOT, refuse
from providers.console.provider.tabs import get_provider, place_of
from providers.ip_restriction import (
    CannotEnforceError,
    TooManyRangesError,
    contained,
    difference,
    import_tag,
    losing_cover,
)
from providers.ip_rules import MAX_RANGES, read_ranges
from providers.models import IpMode, Provider
from providers.service_tags import MAX_BYTES, ServiceTag, ServiceTagsError, read_service_tag

SHOWN = 100
# A preview must be confirmed within this time.
PREVIEW_S = 3_600
_SALT = "providers.console.provider.ip_ranges"


@require_http_methods(["GET", "HEAD", "POST"])
def add_ranges(request: HttpRequest, provider_id: int) -> HttpResponse:
    """GET: show the form, filled in with `?ranges=` (*Allow*). POST: add all ranges, or none and show why."""
    provider = get_provider(provider_id)
    access.require(request, access.CHANGE_IP, gettext_noop("to add allowed ranges"), provider)
    form = RangesForm(initial={"ip_ranges": request.GET.get("ranges", "")[:200]})
    if request.method == "POST":
        sent = with_suggestion(request.POST)
        if "range" in sent:  # the two fields below the table
            sent["ip_ranges"] = " # ".join(" ".join(sent.get(name, "").split()) for name in ("range", "note"))
        form = RangesForm(sent)
        if "use" not in sent and form.is_valid():
            try:
                new = domain.add_ranges(provider, form.networks, access.actor_of(request))
            except (CannotEnforceError, TooManyRangesError) as error:
                form.add_error("ip_ranges", _why_not(error))
            else:
                _say_what_was_added(request, len(new), len(form.networks) - len(new))
                return _back(request, provider)
    context = {"provider": provider, "form": form}
    return show_dialog(
        request, "console/provider/add_ranges.html", _("Add allowed ranges"), place_of(provider), context
    )


def _back(request: HttpRequest, provider: Provider) -> HttpResponse:
    return go_to(request, reverse("admin:ip_restriction", args=[provider.pk]))


def _why_not(error: CannotEnforceError | TooManyRangesError) -> str:
    if isinstance(error, CannotEnforceError):
        return str(CANNOT[error.reason])
    return _("A provider can have at most %(most)s allowed ranges.") % {"most": grouped(MAX_RANGES)}


def _say_what_was_added(request: HttpRequest, new: int, known: int) -> None:
    said = []
    if new:
        said.append(
            ngettext("%(count)s allowed range added.", "%(count)s allowed ranges added.", new) % {"count": grouped(new)}
        )
    if known:
        there = ngettext("%(count)s was there already.", "%(count)s were there already.", known)
        said.append(there % {"count": grouped(known)})
    (messages.success if new else messages.info)(request, " ".join(said))


@require_http_methods(["GET", "HEAD", "POST"])
def remove_ranges(request: HttpRequest, provider_id: int) -> HttpResponse:
    """GET: show the ranges, and the addresses that would be refused without them. POST: remove the ranges.

    `range` holds their ids; `merge` means all ranges that are inside others.
    """
    provider = get_provider(provider_id)
    access.require(request, access.CHANGE_IP, gettext_noop("to remove allowed ranges"), provider)
    sent = request.POST if request.method == "POST" else request.GET
    ids = {int(pk) for pk in sent.getlist("range") if pk.isdecimal() and len(pk) < 19}
    is_merge = "merge" in sent
    rules = list(provider.ip_rules.order_by("cidr"))
    rules = contained(rules) if is_merge else [rule for rule in rules if rule.pk in ids]
    if not rules:
        messages.info(request, _("These ranges no longer exist."))
        return _back(request, provider)
    if request.method == "POST":
        try:
            count = domain.remove_ranges(provider, [rule.pk for rule in rules], access.actor_of(request))
        except CannotEnforceError:
            reason = _("These are the last allowed ranges, and the restriction is enforced: turn it off first.")
            return refuse(request, provider, reason)
        said = ngettext("%(count)s allowed range removed.", "%(count)s allowed ranges removed.", count)
        messages.success(request, said % {"count": grouped(count)})
        return _back(request, provider)
    removed = {rule.cidr for rule in rules}
    context = {
        "provider": provider,
        "rules": rules[:SHOWN],
        "more": max(len(rules) - SHOWN, 0),
        "is_merge": is_merge,
        "losing": [] if is_merge or provider.ip_mode == IpMode.OFF else losing_cover(provider, removed)[:SHOWN],
    }
    title = _("Merge allowed ranges?") if is_merge else _("Remove %(range)s?") % {"range": rules[0].cidr}
    return show_dialog(request, "console/provider/remove_ranges.html", title, place_of(provider), context)


@require_http_methods(["GET", "HEAD", "POST"])
def import_ranges(request: HttpRequest, provider_id: int) -> HttpResponse:
    """POST of a file: show what would change. POST of that plan: change it. The plan is signed."""
    provider = get_provider(provider_id)
    access.require(request, access.CHANGE_IP, gettext_noop("to import allowed ranges"), provider)
    tag = (request.POST.get("tag", "").strip() or provider.directory.service_tag)[:100]
    context: dict[str, Any] = {"provider": provider, "tag": tag}
    if "plan" in request.POST:
        return _import(request, provider, context)
    if request.method == "POST":
        try:
            found = _read_upload(request, context["tag"])
        except ServiceTagsError as error:
            context["problem"] = str(error)
        else:
            return _preview(request, provider, found)
    return _show_import(request, provider, context)


def _show_import(request: HttpRequest, provider: Provider, context: dict[str, Any]) -> HttpResponse:
    title = _("Import from Microsoft")
    return show_dialog(request, "console/provider/import_ranges.html", title, place_of(provider), context)


def _read_upload(request: HttpRequest, tag: str) -> ServiceTag:
    upload: Any = request.FILES.get("file")
    if upload is None:
        raise ServiceTagsError(_("Choose the file first."))
    # One byte more than allowed is enough to see that it is too large.
    return read_service_tag(upload.read(MAX_BYTES + 1), tag)


def _preview(request: HttpRequest, provider: Provider, found: ServiceTag) -> HttpResponse:
    change = difference(provider, found.name, found.networks)
    before = provider.ip_rules.filter(tag=found.name).order_by("-change_number").first()
    ranges = "\n".join(map(str, found.networks))
    context = {
        "provider": provider,
        "found": found,
        "lists": [
            (_("Added"), "ok", len(change.added), change.added[:SHOWN]),
            (_("Removed"), "bad", len(change.removed), change.removed[:SHOWN]),
            (_("Kept"), "", len(change.kept), change.kept[:SHOWN]),
        ],
        "losing": losing_cover(provider, set(change.removed), change.added)[:SHOWN] if change.removed else [],
        "newer": before.change_number if before and (before.change_number or 0) > found.change_number else None,
        "plan": signing.dumps([provider.pk, found.name, found.change_number, ranges], salt=_SALT, compress=True),
    }
    title = _("Import %(tag)s?") % {"tag": found.name}
    return show_dialog(request, "console/provider/_import_preview.html", title, place_of(provider), context)


def _import(request: HttpRequest, provider: Provider, context: dict[str, Any]) -> HttpResponse:
    try:
        pk, tag, number, ranges = signing.loads(request.POST["plan"], salt=_SALT, max_age=PREVIEW_S)
    except signing.BadSignature:
        context["problem"] = _("This preview is older than an hour. Choose the file again.")
        return _show_import(request, provider, context)
    if pk != provider.pk:
        raise Http404(_("There is no such import."))
    networks, _problems = read_ranges(ranges)
    try:
        change = import_tag(provider, tag, number, networks, access.actor_of(request))
    except (CannotEnforceError, TooManyRangesError) as error:
        context["problem"] = _why_not(error)
        return _show_import(request, provider, context)
    said = _("%(tag)s imported: %(added)s added, %(removed)s removed, %(kept)s kept.") % {
        "tag": tag,
        "added": grouped(len(change.added)),
        "removed": grouped(len(change.removed)),
        "kept": grouped(len(change.kept)),
    }
    messages.success(request, said)
    return _back(request, provider)
