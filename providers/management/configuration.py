"""The configuration of providers as JSON: their settings, allowed ranges and schema extensions.

It has no secrets: no token, no account, and nothing of users and groups. `write` makes a database like the file, by the
same functions and rules as the console.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.core.management.base import CommandError

from providers.administration import CHANGEABLE, add_provider, change_provider
from providers.console.provider.forms import ProviderForm
from providers.events import Actor
from providers.ip_restriction import add_ranges, import_tag, remove_ranges, set_mode
from providers.ip_rules import Network, RangeProblem, read_range
from providers.management.script import checked
from providers.models import IpMode, Provider
from providers.schemas import add_schema
from scim.protocol.attributes import RESOURCE_TYPES
from scim.protocol.values import comparison_key

VERSION = 1


def read(providers: Iterable[Provider]) -> dict[str, Any]:
    """Return the configuration of these providers. Two queries for each."""
    return {"version": VERSION, "providers": [_of(provider) for provider in providers]}


def _of(provider: Provider) -> dict[str, Any]:
    return {
        **{name: getattr(provider, name) for name in CHANGEABLE},
        "ip_mode": provider.ip_mode,
        "ranges": [
            {"range": str(rule.cidr), "note": rule.note}
            | ({"tag": rule.tag, "change_number": rule.change_number} if rule.tag else {})
            for rule in provider.ip_rules.order_by("cidr")
        ],
        "schemas": [
            {"resource_type": schema.resource_type, "document": schema.document}
            for schema in provider.schema_extensions.order_by("pk")
        ],
    }


def write(document: Any, actor: Actor) -> Iterator[tuple[Provider, bool]]:
    """Add or change each provider of a configuration; yield it, and whether it is new. Others stay unchanged.

    Schema extensions are added, never removed. An IP restriction that is to be enforced on an existing provider must
    have seen requests, as in the console. Raises `CommandError` for what cannot be read, and what the domain raises.
    """
    for number, one in enumerate(_providers(document), 1):
        place = f"providers[{number - 1}]"
        if unknown := set(one) - {*CHANGEABLE, "ip_mode", "ranges", "schemas"}:
            raise CommandError(f"{place}: unknown names: {', '.join(sorted(unknown)[:10])}")
        mode = one.get("ip_mode", IpMode.OFF)
        if mode not in IpMode.values:
            raise CommandError(f"{place}: ip_mode must be one of {', '.join(IpMode.values)}")
        ranges, tags = _ranges(one.get("ranges", []), place)
        held = Provider.objects.live().filter(title_key=comparison_key(str(one.get("title")))).first()
        fresh = held or Provider()
        values = checked(ProviderForm({name: getattr(fresh, name) for name in CHANGEABLE} | dict(one)))
        provider = held or add_provider(values["title"], actor, ip_mode=IpMode.OFF)
        change_provider(provider, actor, values)
        _write_ranges(provider, ranges, tags, actor)
        if held is None and mode == IpMode.ENFORCE:
            mode = IpMode.OBSERVE  # nobody has called yet, so nobody knows whom it would refuse
        set_mode(provider, IpMode(mode), actor)
        for schema in _list(one.get("schemas", []), f"{place}.schemas"):
            kind = schema.get("resource_type", "User")
            if kind not in [known.name for known in RESOURCE_TYPES]:
                raise CommandError(f"{place}.schemas: {kind!r} is not a resource type")
            add_schema(provider, schema.get("document"), actor, resource_type=kind)
        provider.refresh_from_db()
        yield provider, held is None


def _providers(document: Any) -> Sequence[Mapping[str, Any]]:
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise CommandError(f"The file is not a configuration of version {VERSION}, as export_configuration prints it.")
    return _list(document.get("providers"), "providers")


def _list(value: Any, place: str) -> Sequence[Mapping[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(part, dict) for part in value):
        raise CommandError(f"{place} is not a list of objects.")
    return value


Tags = dict[str, tuple[int, list[Network]]]


def _ranges(value: Any, place: str) -> tuple[dict[Network, str], Tags]:
    """Return the ranges that somebody typed with their notes, and those of each service tag."""
    typed: dict[Network, str] = {}
    tags: Tags = {}
    for one in _list(value, f"{place}.ranges"):
        found = read_range(str(one.get("range")))
        if isinstance(found, RangeProblem):
            raise CommandError(f"{place}.ranges: {found.reason}")
        number = one.get("change_number")
        if one.get("tag"):
            known = tags.setdefault(str(one["tag"])[:100], (number if isinstance(number, int) else 0, []))
            known[1].append(found)
        else:
            typed[found] = str(one.get("note", ""))
    return typed, tags


def _write_ranges(provider: Provider, typed: Mapping[Network, str], tags: Tags, actor: Actor) -> None:
    """Make the ranges of a provider those of the file. New ones come first, so that *enforce* is never without any."""
    add_ranges(provider, typed, actor)
    for tag, (number, networks) in tags.items():
        import_tag(provider, tag, number, networks, actor)
    wanted = {*typed, *(network for _number, networks in tags.values() for network in networks)}
    remove_ranges(provider, [rule.pk for rule in provider.ip_rules.all() if rule.cidr not in wanted], actor)
