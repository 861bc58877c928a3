"""Keeps secrets out of everything that is stored and logged: tokens, passwords and credentials of any kind.

Three kinds of text are cleaned, each in its own way:

| What                              | How                                                                             |
|-----------------------------------|---------------------------------------------------------------------------------|
| any text (`redact_text`)          | tokens in every form in which clients send them, and what follows *Bearer*      |
| a path, a query, a name           | also what follows the name of a secret: `password eq "x"` becomes `password •••` |
| a request or response body        | it is read as JSON; the values of secrets are replaced, wherever they stand      |

A body that is not JSON is not kept, because nothing in it can be recognised reliably. Its size, its first bytes and
its form are kept: they show what went wrong (a cut body, another encoding, a form), without any of its values.

Our own response may quote what was sent. So a `Redactor` remembers the values of the secrets of one request, and
removes them from what it cleans afterwards.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote_plus

import orjson

from scim.protocol.values import comparison_key

HIDDEN = "•••"
MAX_BODY = 65_536
MAX_TEXT = 8_000
# A longer body is searched, but its values are only cleaned up to this many of them.
MAX_PARTS = 50_000
MAX_DEPTH = 50
MAX_SECRETS = 1_000
_DECODINGS = 10
_FORM_OF = 400
_UNREAD = object()

# "secretary" is an attribute of people, so it is not the name of a secret.
_NAME = r"passw|passphrase|wachtwoord|secret(?!ar)|token|credential|authori[sz]ation|bearer|api.?key|private.?key"
_SECRET_NAME = re.compile(_NAME)
# Texts without one of these in lower case need no further look. They are searched in bodies of up to 16 MiB.
_SUSPECT = (b"passw", b"passphrase", b"wachtwoord", b"secret", b"token", b"credential", b"authori", b"bearer", b"key")
_SUSPECT_IN_SHORT = (*_SUSPECT, b"basic ", b"ipr", b"ipa", b"ips", b"%")
# The name of a secret and what follows it: `password eq "x"`, `password=x`, `password[value eq "x"]`.
# The length of a name is bounded here, as each repetition below is, so that no text takes more than linear time.
_NAME_AND_VALUE = re.compile(
    rf"((?:{_NAME})[\w.$-]{{0,64}}+)([\s\"'\[\](){{}}=:/,;&?]+\S.*|[\w.$-].*)", re.IGNORECASE | re.DOTALL
)


# The first four characters after `ipr_`, `ipa_` or `ips_` are shown everywhere, so that a token or client secret can be
# recognised. It may be broken by white space or quotes.
_TOKEN = re.compile(r"(ip[ras]_)[a-z0-9_-]{5,}(?:[\s\"',+]+[a-z0-9_-]{20,})*", re.IGNORECASE)
_JWT = re.compile(r"(?<![A-Za-z0-9_-])ey[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)+")
_BEARER = re.compile(r"\b((?:bearer[\s+:=]+)+)(?!tokens?\b)[^\s\"',;&<>+]+", re.IGNORECASE)
# *Basic* is a word of titles and names too. After it, only what looks like base64 is hidden.
_BASIC = re.compile(r"\b((?i:basic)[\s+:=]+)(?=[A-Za-z]*(?:[0-9=/+]|[a-z][A-Z]))[A-Za-z0-9+/=_-]{8,}")
_MARK = re.compile("ip[ras]_|bearer|basic|ey")
# A word with an encoding in it. Each word is looked at once, from its beginning.
_ENCODED = re.compile(r"(?<![^\s/?&\"'<>])[^\s/?&\"'<>%\\]*+[%\\][^\s/?&\"'<>]*+")
_ESCAPE = re.compile(r"\\{1,8}(?:u([0-9a-f]{4})|x([0-9a-f]{2})|([nrt]))", re.IGNORECASE)


def redact_text(text: str) -> str:
    """Return a text without tokens and credentials, in whatever form they are written. Linear in its length."""
    if "%" in text or "\\" in text:
        text = _ENCODED.sub(_without_encoded, text)
    return _without_plain(text)


def _without_plain(text: str) -> str:
    if not _MARK.search(text.lower()):
        return text
    text = _JWT.sub(HIDDEN, _TOKEN.sub(rf"\1{HIDDEN}", text))
    return _BASIC.sub(rf"\1{HIDDEN}", _BEARER.sub(rf"\1{HIDDEN}", text))


def _without_encoded(found: re.Match[str]) -> str:
    """A word of a text, decoded if it holds a token or a credential in any encoding."""
    decoded = _decoded(found[0])
    kept = _without_plain(decoded)
    return found[0] if kept == decoded else kept


def names_secret(text: str) -> bool:
    """Return whether a text contains the name of a secret, also in wide letters or with invisible characters."""
    return bool(_SECRET_NAME.search(comparison_key(text)))


def redact_path(text: str) -> str:
    """Return a path or a name without tokens, and without what follows the name of a secret; up to 8,000 characters."""
    return redact_text(_without_value(text)[:MAX_TEXT])


def redact_query(query: str) -> str:
    """Return a raw query string without tokens, or "•••" if it contains the name of a secret in any encoding."""
    return HIDDEN if names_secret(_decoded(query)) else redact_text(query[:MAX_TEXT])


def _decoded(text: str) -> str:
    """The text with all its percent-encodings and JSON escapes undone. If they do not end, it counts as a secret."""
    for _ in range(_DECODINGS):
        decoded = _ESCAPE.sub(_unescaped, unquote_plus(text))
        if decoded == text:
            return text
        text = decoded
    return "secret ipr_encoded-without-end"


def _unescaped(found: re.Match[str]) -> str:
    code = found[1] or found[2]
    return chr(int(code, 16)) if code else " "


def _without_value(text: str) -> str:
    """The text without what follows the name of a secret; "•••" if the name shows only after decoding."""
    if text.isascii() and "%" not in text:
        return _NAME_AND_VALUE.sub(rf"\1 {HIDDEN}", text) if _SECRET_NAME.search(text.lower()) else text
    if not names_secret(_decoded(text)):
        return text
    return _NAME_AND_VALUE.sub(rf"\1 {HIDDEN}", text) if _SECRET_NAME.search(text.lower()) else HIDDEN


class _TooManyPartsError(Exception):
    """The body has more parts than are cleaned."""


class Redactor:
    """Cleans what one request leaves behind. What it hides in the request it removes from the response too.

    So the request's query, path and body come first, and then its details and its response.
    """

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._knows_all = True
        self._parts = 0
        self._hid = False

    def query(self, raw: str) -> str:
        """Return the query string as `redact_query` does."""
        kept = redact_query(raw)
        if kept == HIDDEN:
            self._note(_values_in(_decoded(raw)))
        return kept

    def path(self, text: str) -> str:
        """Return a path as `redact_path` does."""
        kept = redact_path(text)
        if kept != text and names_secret(_decoded(text)):
            self._note(_values_in(text))
        return kept

    def request(self, body: bytes, document: Any = _UNREAD) -> str:
        """Return a request body without secrets, cut to 64 kB.

        `document` is the body as JSON. Without it, a body of up to 64 kB is read, and a longer one is not JSON.
        """
        is_unread = document is _UNREAD and len(body) > MAX_BODY
        return self._not_json(body) if is_unread else self._body(body, document)

    def response(self, body: bytes) -> str:
        """Return a response body, without the secrets of the request too."""
        if not self._knows_all:
            return f"(not kept: it may quote a secret of the request; {len(body):,} bytes)" if body else ""
        return self._body(body, _UNREAD)

    def detail(self, text: str) -> str:
        """Return a sentence of our response, which may quote the request."""
        text = redact_text(text)
        if not self._knows_all:
            return re.sub(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', f'"{HIDDEN}"', text, flags=re.DOTALL)
        return self._without_secrets(text)

    def name(self, text: str) -> str:
        """Return the name of an attribute, or another short text of the request."""
        return self._without_secrets(redact_path(text))

    def names(self, texts: list[str]) -> list[str]:
        """Return each text as `name` does. Mostly all of them can stay, which one look at them together shows."""
        together = "\n".join(texts)
        return texts if self.name(together) == together else [self.name(text) for text in texts]

    def _note(self, values: Iterable[Any]) -> None:
        for value in values:
            if len(self._secrets) >= MAX_SECRETS:
                self._knows_all = False
                return
            text = str(value)
            shown = "".join(char if char.isprintable() else "?" for char in text[:200])
            self._secrets |= {form for form in (text, text[:200], text[:100], shown) if form.strip()}

    def _without_secrets(self, text: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            # A short one may be part of an ordinary word: it is hidden where it stands alone in quotes.
            for form in (secret,) if len(secret) > 3 else (f'"{secret}"', f"'{secret}'"):
                if form in text:
                    text = text.replace(form, HIDDEN)
        return text

    def _body(self, body: bytes, document: Any) -> str:
        if not body:
            return ""
        lowered = body.lower()
        is_long = len(body) > MAX_BODY
        is_suspect = bool(self._secrets) or b"\\u" in lowered or any(word in lowered for word in _SUSPECT)
        if not is_long:
            is_suspect = is_suspect or not body.isascii() or any(word in lowered for word in _SUSPECT_IN_SHORT)
        if document is _UNREAD and (is_suspect or not is_long):
            try:
                document = orjson.loads(body)
            except orjson.JSONDecodeError:
                return self._not_json(body)
        text = body[:MAX_BODY].decode("utf-8", "replace")
        if is_suspect:
            try:
                text = self._cleaned(document, text)
            except _TooManyPartsError:
                self._knows_all = False
                return f"(not kept: it may name a secret and is too long to clean; {len(body):,} bytes)"
        return redact_text(text[:MAX_BODY]) + (f"… (cut; {len(body):,} bytes in all)" if is_long else "")

    def _not_json(self, body: bytes) -> str:
        lowered = body.lower()
        self._knows_all = self._knows_all and not any(word in lowered for word in _SUSPECT)
        return _form_of(body)

    def _cleaned(self, document: Any, text: str) -> str:
        """The text of a document without secrets; as it was sent where nothing in it could be one."""
        self._parts, self._hid = 0, False
        cleaned = self._clean(document, MAX_DEPTH)
        # Reading drops a name that was given twice, and its value with it; and in escapes, a name looks like another.
        is_as_read = not (self._hid or "\\u" in text or _SECRET_NAME.search(text.lower()))
        return text if is_as_read else json.dumps(cleaned, ensure_ascii=False)

    def _clean(self, value: Any, depth: int) -> Any:
        """Return JSON with the values of secrets replaced, at most `depth` levels deep.

        A secret is a value whose own name is one, or the `value` of a PATCH operation whose `path` is one. JSON that
        was sent as text is read too.
        """
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise _TooManyPartsError
        if depth == 0:
            return self._hidden("(nested too deep to keep)")
        if isinstance(value, list):
            return [self._clean(element, depth - 1) for element in value]
        if isinstance(value, str):
            return self._clean_text(value, depth)
        if not isinstance(value, dict):
            return value
        paths = [part for name, part in value.items() if name.lower() == "path" and isinstance(part, str)]
        names_one = any(map(names_secret, paths))
        kept = {}
        for name, part in value.items():
            if names_secret(name) or (names_one and name.lower() == "value"):
                self._note(_leaves(part))
                kept[self._clean_text(name, depth)] = part if part in (None, "", [], {}) else self._hidden(HIDDEN)
            else:
                kept[self._clean_text(name, depth)] = self._clean(part, depth - 1)
        return kept

    def _clean_text(self, text: str, depth: int) -> str:
        if text.lstrip()[:1] in ("{", "["):
            try:
                inner = json.loads(text)
            except (ValueError, RecursionError):
                inner = None
            if isinstance(inner, (dict, list)) and (cleaned := self._clean(inner, depth - 1)) != inner:
                return self._hidden(json.dumps(cleaned, ensure_ascii=False))
        kept = redact_text(_without_value(text))
        if kept != text and names_secret(_decoded(text)):
            self._note(_values_in(text))
        kept = self._without_secrets(kept) if self._secrets else kept
        return kept if kept == text else self._hidden(kept)

    def _hidden(self, kept: str) -> str:
        self._hid = True
        return kept


def _leaves(value: Any) -> Iterator[Any]:
    """The simple values in a value, which the log must not have anywhere else either."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
        elif one is not None and not isinstance(one, bool):
            yield one


def _values_in(text: str) -> Iterator[str]:
    """What could be the value in a text that names a secret: what follows the name, what is quoted or compared."""
    if found := _NAME_AND_VALUE.search(text):
        yield found[2]
    for pattern in (
        r'"((?:[^"\\]|\\.)*+)"?',
        r"'([^']*)'?",
        r"\b(?:eq|ne|co|sw|ew|gt|ge|lt|le)\s+(\S+)",
        r"=([^&\s]+)",
    ):
        yield from (found[1] for found in re.finditer(pattern, text, re.IGNORECASE) if found[1])


_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"PK": "a ZIP file",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"\xef\xbb\xbf": "a byte order mark",
    b"<": "XML or HTML",
}


def _form_of(body: bytes) -> str:
    """A description of a body that is not JSON: its size, how it begins, and its form with an x for each character.

    The form keeps punctuation, so that a bracket, a comma or a quote that is missing can be seen.
    """
    kind = next((word for magic, word in _MAGIC.items() if body.startswith(magic)), "")
    if not kind and b"\0" in body[:100]:
        kind = "UTF-16 or binary"
    text = body[:_FORM_OF].decode("utf-8", "replace")
    form = re.sub(r"[^\s{}\[\]():,;=&<>/\"'\\+-]", "x", text)
    more = "…" if len(body) > _FORM_OF else ""
    said = f", {kind}" if kind else ""
    return f"(not kept: it is not JSON; {len(body):,} bytes{said}, beginning with {body[:4].hex(' ')}) {form}{more}"
