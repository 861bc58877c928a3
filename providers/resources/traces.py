"""What a purge erases besides the rows of a user or group: their values in the record, the log, and elsewhere.

A purge has two parts.

1. `erase_own`, in the transaction of the purge: the change events of the resource lose their values (the events
   themselves stay, with the id), and the requests about it lose their bodies, names and sentences. Each is found by an
   index.
2. `Erasure`: other rows may hold the values too, such as the search for a userName, a rejected creation, the body of a
   bulk request or of a group, a saved filter, a mail. They are found by reading the provider's log, newest first, in
   batches with a transaction each. The row of the `Erasure` says what to look for and how far the reading has come;
   it is deleted when all is read. A purge in the console works it off at once as long as that takes seconds; what is
   left is a job of housekeeping.

Looked for are the values that identify a user: userName, externalId, addresses, phone numbers, whole names. A first
name alone, or a job title, belongs to others too. A value that a live user of the provider has is kept, because the log
is about that user then. What nobody can find: a part of a name that somebody searched for, a value in another spelling,
and what other users' attributes say about the purged one.
"""

import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, quote_plus, unquote_plus
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q

from providers.events import EventKind
from providers.models import ChangeEvent, Erasure, HeldRemoval, Notice, Resource, SavedFilter
from providers.redaction import HIDDEN
from scim.protocol.values import comparison_key

BATCH = 200
SHORTEST = 4
# Attributes whose values name one person, by path. A whole name does only if it is more than a single word.
_NAMING = re.compile(
    r"(?:^|:)(?:userName|externalId|employeeNumber|profileUrl|(?:emails|phoneNumbers|ims|photos)(?:\..*)?)$"
)
_WHOLE_NAME = re.compile(r"(?:^|:)(?:displayName|nickName|name\.formatted)$")
_LABELS = frozenset({"type", "primary"})
_WORDS = re.compile(r"\w+")
_ESCAPES = re.compile(r'\\u([0-9a-fA-F]{4})|\\(["\\/])|\\[nrt]')

_ERASE_EVENTS = """
UPDATE providers_changeevent SET subject = resource_id::text, changes = '[]' WHERE resource_id = ANY(%s::uuid[])
"""
_ERASED = """
request_body = '', response_body = '', query = '', detail = '', subject = '', subject_key = '', display_name = '',
external_id = '', client_request_id = '', asked = '[]', rejected = '[]', ignored = '[]'
"""
_ERASE_REQUESTS = f"UPDATE providers_requestlog SET {_ERASED} WHERE resource_id = ANY(%s::uuid[])"
# The requests whose operations, or whose events, are about the purged resources: their bodies hold all values.
_ERASE_WHOLE_REQUESTS = f"""
UPDATE providers_requestlog SET {_ERASED} WHERE resource_id IS NULL AND id = ANY(ARRAY(
  SELECT part_of FROM providers_requestlog WHERE resource_id = ANY(%s::uuid[]) AND part_of IS NOT NULL
  UNION SELECT request_id FROM providers_changeevent WHERE resource_id = ANY(%s::uuid[]) AND request_id IS NOT NULL))
"""
_READ = """
SELECT id, resource_id, resource_type, part_of, subject_key, {texts} FROM providers_requestlog
WHERE provider_id = %s AND (%s::uuid IS NULL OR id < %s::uuid) ORDER BY id DESC LIMIT %s
"""
_TEXTS = ("path", "query", "detail", "subject", "display_name", "external_id", "client_request_id", "ignored::text",
          "asked::text", "rejected::text", "request_body", "response_body")  # fmt: skip
_SET = ", ".join(f"{name.removesuffix('::text')} = %s" for name in _TEXTS)
_WRITE = f"UPDATE providers_requestlog SET {_SET}, subject_key = %s WHERE id = %s"
_WRITE_WHOLE = f"UPDATE providers_requestlog SET {_ERASED} WHERE id = ANY(%s::uuid[])"


def erase_own(cursor: Any, ids: Sequence[UUID]) -> None:
    """Erase the values of resources from their own change events and requests."""
    cursor.execute(_ERASE_WHOLE_REQUESTS, [list(ids), list(ids)])
    cursor.execute("SET LOCAL iprova.purge = 'on'")
    cursor.execute(_ERASE_EVENTS, [list(ids)])
    cursor.execute("SET LOCAL iprova.purge = 'off'")
    cursor.execute(_ERASE_REQUESTS, [list(ids)])
    HeldRemoval.objects.filter(resource_id__in=ids).delete()


def plan_erasure(provider_id: int, ids: Sequence[UUID]) -> Erasure | None:
    """Write down what to look for in other rows, before the rows of these users and their events lose it.

    None if nothing of them identifies anybody: groups are not erased elsewhere.
    """
    values = identifying_values(provider_id, ids)
    return Erasure.objects.create(provider_id=provider_id, values=sorted(values)) if values else None


def identifying_values(provider_id: int, ids: Sequence[UUID]) -> set[str]:
    """Return the values, now and before, that identify these users and no live user of the provider. Four queries."""
    users = Resource.objects.of(provider_id).filter(pk__in=ids, resource_type="User").only("document")
    found: set[str] = set()
    for user in users:
        found.update(_values_of("", user.document))
    own = [user.pk for user in users]
    if not own:
        return set()
    for changes, subject in ChangeEvent.objects.about(*own).values_list("changes", "subject"):
        found.add(subject)  # a userName
        for change in changes:
            for side in ("before", "after"):
                found.update(_values_of(change["path"], change.get(side)))
    found = {value for value in found if len(value.strip()) >= SHORTEST}
    keys = {comparison_key(value) for value in found}
    holders = Resource.objects.live().of(provider_id).filter(resource_type="User").exclude(pk__in=own)
    same = Q(user_name_key__in=keys) | Q(display_name_key__in=keys) | Q(external_id__in=found)
    held = {
        comparison_key(value) for one in holders.filter(same).only("document") for value in _values_of("", one.document)
    }
    return {value for value in found if comparison_key(value) not in held}


def _values_of(path: str, value: Any, separator: str = ".") -> Iterator[str]:
    """The identifying values in the value of a path, or in a whole document (path "")."""
    match value:
        case dict():
            for name, inner in value.items():
                if not (path and name in _LABELS):
                    home = f"{path}{separator}" if path else ""
                    yield from _values_of(f"{home}{name}", inner, ":" if name.startswith("urn:") else ".")
        case list():
            for inner in value:
                yield from _values_of(path, inner)
        case str() if _NAMING.search(path) or (_WHOLE_NAME.search(path) and len(value.split()) > 1):
            yield value


def work_off(erasure: Erasure, *, seconds: float) -> bool:
    """Read the log for an erasure, for that long at most. Return whether all is done; then its row is deleted."""
    until = time.monotonic() + seconds
    traces = Traces(erasure.values)
    if erasure.position is None:
        with transaction.atomic():
            _erase_elsewhere(traces, erasure.provider_id)
    while _erase_batch(traces, erasure):
        if time.monotonic() > until:
            return False
    erasure.delete()
    return True


@transaction.atomic
def _erase_batch(traces: "Traces", erasure: Erasure) -> bool:
    """Erase values in the next rows of the log. Return whether there may be more."""
    with connection.cursor() as cursor:
        position = erasure.position
        cursor.execute(_READ.format(texts=", ".join(_TEXTS)), [erasure.provider_id, position, position, BATCH])
        rows = cursor.fetchall()
        whole: set[UUID] = set()
        for pk, resource_id, resource_type, part_of, subject_key, *texts in rows:
            kept = [traces.erased(text) for text in texts]
            is_about = resource_type != "Group" and subject_key in traces.keys
            if kept == texts and not is_about:
                continue
            if resource_id is None and resource_type != "Group" and (is_about or kept[-2:] != texts[-2:]):
                # A request about the user alone, such as a rejected creation, or a response that lists users.
                whole |= {pk, *([part_of] if part_of else [])}
            cursor.execute(_WRITE, [*kept, "" if is_about else subject_key, pk])
        if whole:
            cursor.execute(_WRITE_WHOLE, [sorted(whole)])
        if rows:
            erasure.position = rows[-1][0]
            Erasure.objects.filter(pk=erasure.pk).update(position=erasure.position)
    return len(rows) == BATCH


# Acts of people in the console whose subjects may hold what somebody searched for.
_ACTS = (EventKind.EXPORTED, EventKind.BODIES_OPENED, EventKind.FILTER_SHARED)


def _erase_elsewhere(traces: "Traces", provider_id: int) -> None:
    """Erase values in the subjects of acts, in saved filters and in mails. Reads these tables, which are small."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL iprova.purge = 'on'")
        acts = ChangeEvent.objects.filter(kind__in=[kind.value for kind in _ACTS], resource_id__isnull=True)
        for act in acts.only("subject").iterator():
            if (kept := traces.erased(act.subject)) != act.subject:
                cursor.execute("UPDATE providers_changeevent SET subject = %s WHERE id = %s", [kept, act.pk])
        cursor.execute("SET LOCAL iprova.purge = 'off'")
    for rows, names in (
        (SavedFilter.objects.all(), ("name", "query")),
        (Notice.objects.filter(provider_id=provider_id), ("subject", "body")),
    ):
        for row in rows.iterator():
            kept_texts = {name: traces.erased(getattr(row, name)) for name in names}
            if any(text != getattr(row, name) for name, text in kept_texts.items()):
                _update(row, kept_texts)


def _update(row: Any, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        setattr(row, name, text[: row._meta.get_field(name).max_length])
    if isinstance(row, SavedFilter) and SavedFilter.objects.filter(owner=row.owner_id, name=row.name).exclude(
        pk=row.pk
    ):
        row.name = f"{HIDDEN} {row.pk}"
    row.save(update_fields=list(texts))


class Traces:
    """Values to be erased, wherever they stand in a text: as they are, in JSON, or percent-encoded.

    A text is first compared word by word with the rarest word of each value, so its cost does not depend on the number
    of values.
    """

    def __init__(self, values: Iterable[str]) -> None:
        known = list(values)
        self.keys = {comparison_key(value) for value in known}
        words = {value: set(_WORDS.findall(value.casefold())) for value in known}
        often = Counter(word for found in words.values() for word in found)
        self._by_word: dict[str, list[str]] = {}
        self._without_words = [value for value in known if not words[value]]
        for value in known:
            if words[value]:
                rarest = min(words[value], key=lambda word: (often[word], -len(word)))
                self._by_word.setdefault(rarest, []).append(value)

    def erased(self, text: str) -> str:
        """Return the text with each of the values replaced; "•••" alone if one is written in a form of its own."""
        if not text or text == "[]":
            return text
        plain = _plain(text)
        words = set(_WORDS.findall(plain))
        near = [value for word in words & self._by_word.keys() for value in self._by_word[word]]
        found = [value for value in (*near, *self._without_words) if _holds(plain, value)]
        if not found:
            return text
        forms = {form for value in found for form in _forms(value)}
        pattern = "|".join(map(re.escape, sorted(forms, key=len, reverse=True)))
        kept = re.sub(rf"{_BEGIN}(?:{pattern}){_END}", HIDDEN, text, flags=re.IGNORECASE)
        rest = _plain(kept)
        if any(_holds(rest, value) for value in found):
            return json.dumps([HIDDEN]) if text.startswith("[") else HIDDEN
        return kept


# A value stands for itself, not within a word; in a query, the character before it may be encoded.
_BEGIN = r"(?:(?<![\w.-])|(?<=%[0-9A-Fa-f]{2})|(?<=\\u[0-9A-Fa-f]{4})|(?<=\\[nrt]))"
_END = r"(?![\w-]|\.\w)"


def _holds(plain: str, value: str) -> bool:
    sought = value.casefold()
    return sought in plain and bool(re.search(rf"(?<![\w.-]){re.escape(sought)}{_END}", plain))


def _plain(text: str) -> str:
    """A text in lower case, and again with its encodings undone."""
    decoded = text
    for _ in range(3):
        if not any(mark in decoded for mark in "%\\+"):
            break
        decoded = _ESCAPES.sub(_unescaped, unquote_plus(decoded))
    return (text if decoded == text else f"{text}\n{decoded}").casefold()


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else found[2] or " "


def _forms(value: str) -> Iterator[str]:
    for one in {value, value.casefold(), comparison_key(value)}:
        yield from (one, json.dumps(one)[1:-1], json.dumps(one, ensure_ascii=False)[1:-1])
        for encode in (quote, quote_plus):
            yield from (encode(one), encode(one, safe=""), encode(one, safe="@"), encode(encode(one, safe=""), safe=""))
