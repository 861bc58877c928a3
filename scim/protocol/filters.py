"""Reads filters (RFC 7644 §3.4.2.2) and PATCH paths (§3.5.2) into trees, and writes a tree as text.

This is the grammar only. `conditions` checks whether `userNam` exists; `scim.store.filters` turns a
comparison into SQL.
"""

import json
import math
import re
from dataclasses import dataclass, field
from functools import lru_cache

from scim.protocol import errors
from scim.protocol.errors import ScimError
from scim.protocol.paths import AttrPath, parse_attr_path

COMPARE_OPS = frozenset({"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"})
Value = str | int | float | bool | None


@dataclass(frozen=True)
class Comparison:
    """attrPath SP compareOp SP compValue"""

    path: AttrPath
    op: str
    value: Value


@dataclass(frozen=True)
class Presence:
    """attrPath SP "pr" """

    path: AttrPath


@dataclass(frozen=True)
class ValuePath:
    """attrPath "[" valFilter "]": one value of the attribute meets the whole inner filter."""

    path: AttrPath
    inner: "Node"
    # A sub-attribute was compared after the brackets; the comparison is now part of `inner`.
    has_part_after: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Not:
    inner: "Node"


@dataclass(frozen=True)
class And:
    terms: tuple["Node", ...]


@dataclass(frozen=True)
class Or:
    terms: tuple["Node", ...]


Node = Comparison | Presence | ValuePath | Not | And | Or


@dataclass(frozen=True)
class Path:
    """PATH = attrPath / valuePath [subAttr] (§3.5.2)."""

    attr: AttrPath
    where: Node | None = None


FILTER_AFTER_SUB = "a filter in [ ] follows the attribute, not a sub-attribute."
_TOKEN = re.compile(r'\s*(?:([()\[\]])|("(?:[^"\\]|\\.)*")|([^\s()\[\]"]+))')


def parse_filter(text: str, *, max_length: int = 8_000, max_terms: int = 100, max_depth: int = 20) -> Node:
    """Read a `filter` parameter, percent-decoded once.

    Linear in `len(text)`. `and` binds tighter than `or`; `render` gives a text with the same tree.
    Raises `ScimError` invalidFilter with the character where reading stopped, also above
    `max_length` characters, `max_terms` comparisons or `max_depth` brackets (V37, V38).
    """
    parser = _Parser(text, max_length, max_terms, max_depth)
    node = parser.filter()
    parser.expect_end()
    return node


def parse_path(text: str) -> Path:
    """Read the `path` of a PATCH operation. Raises `ScimError` invalidPath."""
    return _parse_short_path(text) if len(text) <= _SHORT_PATH else _parse_path(text)


# Directories send the same few paths all the time.
_SHORT_PATH = 200


@lru_cache(maxsize=1_000)
def _parse_short_path(text: str) -> Path:
    return _parse_path(text)


def _parse_path(text: str) -> Path:
    before, bracket, _ = text.partition("[")
    if not bracket:
        return Path(_attr_path_or_refuse(text, text))
    try:
        parser = _Parser(text, 10_000, 100, 20)
        parser.position = len(before)
        inner, sub = parser.brackets()
        parser.expect_end()
    except ScimError as error:
        raise errors.invalid_path(text, error.sentence) from error
    attr = _attr_path_or_refuse(before, text)
    if attr.sub and (not attr.schema or "." in attr.sub):
        raise errors.invalid_path(text, FILTER_AFTER_SUB)
    # After a URN, `attr.sub` may be the attribute: a habit puts a dot between them. The dot that is kept here shows
    # a path that no habit reads so.
    return Path(AttrPath(attr.name, f"{attr.sub}.{sub}" if attr.sub else sub, attr.schema), inner)


def _attr_path_or_refuse(part: str, whole: str) -> AttrPath:
    attr = parse_attr_path(part.strip())
    if attr is None:
        raise errors.invalid_path(
            whole,
            'an attribute name such as userName, name.givenName or emails[type eq "work"].value is expected.',
        )
    return attr


class _Parser:
    """Reads the tokens in one pass. `position` is the character up to which the text was read."""

    def __init__(self, text: str, max_length: int, max_terms: int, max_depth: int) -> None:
        if len(text) > max_length:
            raise errors.invalid_filter(f"it is longer than {max_length:,} characters.")
        self.text = text
        self.position = 0
        self.terms_left = max_terms
        self.max_terms = max_terms
        self.depth_left = max_depth
        self.max_depth = max_depth

    def filter(self) -> Node:
        """logExp = FILTER SP ("and" / "or") SP FILTER, `and` binding tighter"""
        terms = [self._conjunction()]
        while self._skip_word("or"):
            terms.append(self._conjunction())
        return terms[0] if len(terms) == 1 else Or(tuple(terms))

    def _conjunction(self) -> Node:
        terms = [self._term()]
        while self._skip_word("and"):
            terms.append(self._term())
        return terms[0] if len(terms) == 1 else And(tuple(terms))

    def _term(self) -> Node:
        """attrExp / valuePath / *1"not" "(" FILTER ")" """
        token = self._next()
        if token == "(":
            return self._group(")")
        if token.lower() == "not" and self._peek() == "(":
            self._next()
            return Not(self._group(")"))
        path = parse_attr_path(token)
        if path is None:
            raise self._stopped("an attribute name is expected", len(token))
        if self._peek() == "[":
            return self._value_path(path)
        return self._attr_exp(path)

    def _value_path(self, path: AttrPath) -> Node:
        """attrPath "[" valFilter "]", and Entra's `emails[type eq "work"].value eq "x"`: one element meets both."""
        inner, sub = self.brackets()
        if not sub:
            if self._peek().lower() in COMPARE_OPS:
                hint = f'name the part that is compared after the bracket of "{path}", as in […].value eq "x"'
                raise self._stopped(hint)
            return ValuePath(path, inner)
        return ValuePath(path, And((inner, self._attr_exp(AttrPath(sub)))), has_part_after=True)

    def brackets(self) -> tuple[Node, str]:
        """ "[" valFilter "]" [subAttr]: the filter and the sub-attribute's name, "" without one."""
        self._next()
        inner = self._group("]")
        if not self.text.startswith(".", self.position):
            return inner, ""
        sub = self._next()[1:]
        if parse_attr_path(sub) is None or "." in sub or ":" in sub:
            raise self._stopped("a sub-attribute name is expected", len(sub))
        return inner, sub

    def _attr_exp(self, path: AttrPath) -> Node:
        """attrExp = (attrPath SP "pr") / (attrPath SP compareOp SP compValue)"""
        self.terms_left -= 1
        if self.terms_left < 0:
            raise errors.invalid_filter(f"it has more than {self.max_terms} comparisons.")
        op = self._next().lower()
        if op == "pr":
            return Presence(path)
        if op not in COMPARE_OPS:
            raise self._stopped(
                f'an operator is expected after "{path}": eq, ne, co, sw, ew, gt, ge, lt, le or pr', len(op)
            )
        return Comparison(path, op, self._value())

    def _value(self) -> Value:
        """compValue = false / null / true / number / string, as in JSON; the three words in any case"""
        token = self._next()
        try:
            value = json.loads(token if token.startswith('"') else token.lower(), parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise self._stopped(
                'a value in double quotes is expected, such as "jane@example.com"', len(token)
            ) from None
        if isinstance(value, (dict, list)):
            raise self._stopped("a single value is expected", len(token))
        if isinstance(value, float) and not math.isfinite(value):  # 1e999, which has no text in JSON
            raise self._stopped("a smaller number is expected", len(token))
        return value  # type: ignore[no-any-return]

    def _group(self, closing: str) -> Node:
        self.depth_left -= 1
        if self.depth_left < 0:
            raise errors.invalid_filter(f"its brackets are nested more than {self.max_depth} deep.")
        node = self.filter()
        if self._next() != closing:
            raise self._stopped(f'"{closing}" is expected', 1)
        self.depth_left += 1
        return node

    def _skip_word(self, word: str) -> bool:
        found = _TOKEN.match(self.text, self.position)
        if not found or (found.group(3) or "").lower() != word:
            return False
        self.position = found.end()
        return True

    def _peek(self) -> str:
        found = _TOKEN.match(self.text, self.position)
        return found.group(found.lastindex or 0) if found else ""

    def _next(self) -> str:
        found = _TOKEN.match(self.text, self.position)
        if not found:
            raise self._stopped(
                "it ends too early" if not self.text[self.position :].strip() else "a quote is not closed"
            )
        self.position = found.end()
        return found.group(found.lastindex or 0)

    def expect_end(self) -> None:
        if self.text[self.position :].strip():
            self._next()
            raise self._stopped('"and", "or" or the end is expected', 1)

    def _stopped(self, reason: str, back: int = 0) -> ScimError:
        return errors.invalid_filter(f"at character {max(self.position - back, 0) + 1}: {reason}.")


def _refuse_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are not JSON


def count_terms(node: Node) -> int:
    """How many comparisons a tree has."""
    match node:
        case And(terms) | Or(terms):
            return sum(map(count_terms, terms))
        case Not(inner) | ValuePath(_, inner):
            return count_terms(inner)
    return 1


def render(node: Node) -> str:
    """The text of a tree, which `parse_filter` reads back as the same tree."""
    match node:
        case Comparison(path, op, value):
            return f"{path} {op} {json.dumps(value)}"
        case Presence(path):
            return f"{path} pr"
        case ValuePath(path, inner):
            return f"{path}[{render(inner)}]"
        case Not(inner):
            return f"not ({render(inner)})"
        case And(terms):
            return " and ".join(f"({render(term)})" if isinstance(term, (And, Or)) else render(term) for term in terms)
        case Or(terms):
            return " or ".join(f"({render(term)})" if isinstance(term, Or) else render(term) for term in terms)
