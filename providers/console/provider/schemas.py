"""A provider's schema extensions: attributes that its directory may send in addition to the standard ones."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from providers import schemas as domain
from providers.console.frame import access
from providers.console.frame.page import go_to, grouped, moment, show_dialog
from providers.console.provider.tabs import get_provider, place_of, tab
from providers.models import Provider, SchemaExtension
from providers.schemas import InUseError, add_schema, check_schema, count_users, read_upload
from scim.protocol.attributes import RESOURCE_TYPES, Attribute, Schema, read_schema
from scim.protocol.definitions import MAX_BYTES, DefinitionError, Problem, secret_names

PREVIEW_S = 3600
_SALT = "schema extension"
_TYPES = [known.name for known in RESOURCE_TYPES]


@require_safe
def schemas(request: HttpRequest, provider_id: int) -> HttpResponse:
    """Show the schema extensions of a provider with their attributes."""
    provider = get_provider(provider_id)
    extensions = SchemaExtension.objects.of(provider).order_by("pk")
    shown = [_row(extension) for extension in extensions]
    return tab(request, provider, "schemas", {"extensions": shown, "types": _TYPES, "chosen": _TYPES[0]})


def _row(extension: SchemaExtension) -> dict[str, Any]:
    schema = read_schema(extension.document)
    return {
        "extension": extension,
        "schema": schema,
        "attributes": _attributes(schema),
        "secrets": ", ".join(secret_names(schema)),
        "added": moment(extension.created_at, to="day"),
    }


def _attributes(schema: Schema) -> list[tuple[str, Attribute, bool]]:
    """Each attribute and sub-attribute: its name in an Entra mapping, itself, and whether it is a sub-attribute."""
    found = []
    for attribute in schema.attributes:
        name = f"{schema.id}:{attribute.name}"
        found.append((name, attribute, False))
        found += [(f"{name}.{sub.name}", sub, True) for sub in attribute.sub_attributes]
    return found


@require_http_methods(["GET", "HEAD", "POST"])
def upload_schema(request: HttpRequest, provider_id: int) -> HttpResponse:
    """POST of a file: show what it would change, or everything that is wrong in it. POST of that plan: change it."""
    provider = get_provider(provider_id)
    access.require(request, access.CHANGE_PROVIDER, gettext_noop("to add a schema extension"), provider)
    if request.method != "POST":
        return _show_upload(request, provider)
    try:
        if "plan" in request.POST:
            return _add(request, provider)
        chosen = request.POST.get("resource_type", "")
        return _preview(request, provider, _read_file(request), chosen if chosen in _TYPES else _TYPES[0])
    except DefinitionError as error:
        return _show_upload(request, provider, error.problems)


def _show_upload(request: HttpRequest, provider: Provider, problems: Sequence[Problem] = ()) -> HttpResponse:
    chosen = request.POST.get("resource_type", _TYPES[0])
    told = [(problem.place, _(problem.template) % problem.values) for problem in problems]
    context = {"provider": provider, "problems": told, "types": _TYPES, "chosen": chosen}
    title = _("Add a schema extension")
    return show_dialog(request, "console/provider/upload_schema.html", title, place_of(provider), context)


def _read_file(request: HttpRequest) -> Any:
    file: Any = request.FILES.get("file")
    if file is None:
        raise DefinitionError([Problem("", gettext_noop("Choose the file first."))])
    content = file.read(MAX_BYTES + 1)  # one byte more than allowed is enough to see that it is too large
    if len(content) > MAX_BYTES:
        said = gettext_noop("The file is larger than %(size)d KiB.")
        raise DefinitionError([Problem("", said, {"size": MAX_BYTES // 1024})])
    return read_upload(content)


def _preview(request: HttpRequest, provider: Provider, document: Any, resource_type: str) -> HttpResponse:
    schema, held = check_schema(provider, document, resource_type)
    known = {name for name, _attribute, _is_part in _attributes(read_schema(held.document))} if held.pk else set()
    context = {
        "provider": provider,
        "schema": schema,
        "resource_type": resource_type,
        "attributes": _attributes(schema),
        "known": known,
        "is_new": held.pk is None,
        "is_same": held.document == schema.document,
        "plan": signing.dumps([provider.pk, resource_type, dict(schema.document)], salt=_SALT, compress=True),
    }
    title = _("Add %(name)s?") if held.pk is None else _("Change %(name)s?")
    return show_dialog(
        request, "console/provider/_preview_schema.html", title % {"name": schema.name}, place_of(provider), context
    )


def _add(request: HttpRequest, provider: Provider) -> HttpResponse:
    try:
        pk, resource_type, document = signing.loads(request.POST["plan"], salt=_SALT, max_age=PREVIEW_S)
    except signing.BadSignature as error:
        old = gettext_noop("This preview is older than an hour. Choose the file again.")
        raise DefinitionError([Problem("", old)]) from error
    if pk != provider.pk:
        raise Http404(_("There is no such preview."))
    schema = add_schema(provider, document, access.actor_of(request), resource_type=resource_type)
    messages.success(request, _("%(name)s takes effect with the next request.") % {"name": schema.name})
    return go_to(request, reverse("admin:schemas", args=[provider.pk]))


@require_http_methods(["GET", "HEAD", "POST"])
def remove_schema(request: HttpRequest, provider_id: int, extension_id: int) -> HttpResponse:
    """GET: ask for confirmation. POST: remove the extension, unless a user or group has values of it.

    Values that a directory sent cannot be thrown away by a click.
    """
    provider = get_provider(provider_id)
    access.require(request, access.CHANGE_PROVIDER, gettext_noop("to remove a schema extension"), provider)
    extension = SchemaExtension.objects.of(provider).filter(pk=extension_id).first()
    back = reverse("admin:schemas", args=[provider.pk])
    if extension is None:
        messages.info(request, _("This extension no longer exists."))
        return go_to(request, back)
    schema = read_schema(extension.document)
    if request.method == "POST":
        try:
            domain.remove_schema(extension, access.actor_of(request))
        except InUseError:
            pass  # a user or group got values in the meantime: the dialog is shown again, with their number
        else:
            messages.success(request, _("%(name)s is removed.") % {"name": schema.name})
            return go_to(request, back)
    context = {"provider": provider, "extension": extension, "schema": schema, "in_use": _in_use(extension)}
    title = _("Remove %(name)s?") % {"name": schema.name}
    return show_dialog(request, "console/provider/remove_schema.html", title, place_of(provider), context)


def _in_use(extension: SchemaExtension) -> str:
    count = count_users(extension)
    if not count:
        return ""
    said = ngettext(
        "%(count)s user or group has values of it, those in the recycle bin included.",
        "%(count)s users and groups have values of it, those in the recycle bin included.",
        count,
    )
    return said % {"count": grouped(count)}
