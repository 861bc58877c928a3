"""Plain English: the documents, the catalogue and the code use none of the struck words.

`STRUCK` is the table. Code in backticks is not checked, so a path or an identifier can be quoted.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.catalogue import DUTCH, read_po

PROJECT = Path(__file__).resolve().parent.parent
DOCUMENTS = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs/*.md"]
PACKAGES = ["iprova_idm", "providers", "scim", "bench", "fuzz", "tests"]

READER = {"docs", "catalogue"}
EVERYWHERE = READER | {"code"}
CATALOGUE = frozenset({"catalogue"})
DUTCH_TEXTS = frozenset({"dutch"})


@dataclass(frozen=True)
class Struck:
    """A pattern, what to write instead, a text that it finds and one that it does not.

    A space in the pattern is any white space, so a line break inside a phrase does not hide it.
    """

    pattern: str
    instead: str
    bad: str
    good: str
    scopes: frozenset[str] = frozenset(EVERYWHERE)

    def search(self, text: str) -> Iterator[re.Match[str]]:
        return re.finditer(self.pattern.replace(" ", r"\s+"), text, re.IGNORECASE)


STRUCK = (
    # Phrases that read like a translation
    Struck(
        r"(?<!there\s)\b(?:is|are|was|were) (?:(?-i:none)\b|no (?!longer\b|more\b|one\b|better\b|less\b)\w+)",
        "is not a …, are not …",
        "The port is no number.",
        "There is no port, and it is no longer needed.",
    ),
    Struck(r"\banew\b", "again", "It starts anew.", "It is renewed."),
    Struck(r"\bbeside\b", "next to, besides", "The list beside it.", "Nobody besides them."),
    Struck(r"\bat the most\b", "at most", "Two at the most.", "At most two."),
    Struck(r"\bso (?:many|much)\b[^.;:]{1,40} as\b", "as many … as", "So many rows as there are.", "So many rows."),
    Struck(r"\bas is\b(?=[.,;:)]|$)", "unchanged", "It is kept as is.", "It is kept as is usual."),
    Struck(r"\b(?:go|goes|went) on\b", "continue", "Provisioning goes on.", "What is going on?"),
    Struck(
        r"\blets?(?:ting)? (?:\w+ ){0,3}through\b|\blet-through\b",
        "allow",
        "They are let through.",
        "Let it run.",
    ),
    Struck(r"\blook(?:s|ed|ing)? past\b", "ignore", "It is looked past.", "Look at the past."),
    Struck(r"\b(?:is|are|was|were|be) gone\b", "no longer exists", "The row is gone.", "It has gone."),
    Struck(r"\bnobody's\b", "belongs to nobody", "A token that is nobody's.", "Nobody has it."),
    Struck(r"\bof (?:these|those) days\b", "recent", "An address of these days.", "Both of the days."),
    Struck(r"\bdearer\b", "more expensive", "No page is the dearer.", "It is dear."),
    Struck(r"\b(?:the|in the|a) road\b", "the path", "It is in the road of a request.", "A broad road."),
    Struck(r"\bhand(?:s|ed|ing)? over\b", "pass", "The value is handed over.", "By hand, over there."),
    Struck(
        r"\bh(?:olds?|eld|olding) to\b", "compare with, check against", "Limits they are held to.", "Hold on to it."
    ),
    Struck(r"\btwice is once\b", "Idempotent.", "Pause it. Twice is once.", "Not twice, only once."),
    Struck(r"\btime is over\b", "expired", "Its time is over.", "Over time."),
    Struck(
        r"(?:^|[.!?] )Who(?:ever)? (?:has|lost|wants|needs|knows|reads|signs|asks|calls|leaves)\b(?![^.!?]*\?)",
        "a noun as the subject",
        "Who lost both asks an administrator.",
        "Who has access?",
    ),
    # One word for each thing
    Struck(r"\bbrak(?:es?|ing)\b", "removal limit", "Its brake holds.", "A brakeless car."),
    Struck(r"\bdepart(?:ures?|ed)\b", "removals, removed", "Departures are held.", "A department."),
    Struck(r"\bleavers?\b", "users removed", "All leavers wait.", "Cleavers."),
    Struck(r"\bmass (?:change|deprovisioning)s?\b", "removals", "A mass change.", "Its mass is the same."),
    Struck(
        r"(?<!JWT\s)(?<![/_.-])\bpayloads?\b(?![/_-])",
        "request body, response body",
        "The payload of a request.",
        "A JWT payload, log_payload and /payload/.",
    ),
    Struck(
        r"(?<![<%(])\b(?:she|her|hers|herself|he|him|his|himself)\b(?![>)])",
        "they, them, their, or nobody",
        "She signs in with her password.",
        "They sign in here.",
    ),
    Struck(
        r"\bsecond factors?\b",
        "two-step sign-in",
        "A second factor is needed.",
        "Two-step sign-in is needed.",
        frozenset(READER),
    ),
    Struck(r"\bturn(?:s|ed|ing)? (?:\w+ )?away\b", "refuse", "Calls that were turned away.", "Turn it off."),
    Struck(r"\bfind a person\b", "Find a user", "Find a person", "Find a user", frozenset(READER)),
    # Sentences of the console that read like a translation
    Struck(
        r"\bcounts? from the next request\b",
        "takes effect with the next request",
        "It counts from the next request on.",
        "It takes effect with the next request.",
        CATALOGUE,
    ),
    Struck(
        r"\bupper and lower case\b",
        "case-insensitive",
        "Upper and lower case differ.",
        "It is in upper case.",
        CATALOGUE,
    ),
    Struck(r"\bhost bits\b", "a range boundary", "It has host bits set.", "A bit of the host.", CATALOGUE),
    Struck(
        r"\bThis is not an? (?:e-mail address|date|URL|IP address)\b",
        "Enter a valid …",
        "This is not a date.",
        "This is not your password.",
        CATALOGUE,
    ),
    Struck(r"\bout of order\b", "unavailable", "iProva was out of order.", "Put it in order.", CATALOGUE),
    Struck(r"\bmay not do this\b", "You don't have permission", "You may not do this.", "You may do this.", CATALOGUE),
    Struck(r"\btokens? of yours\b", "one of your tokens", "With a token of yours.", "With your tokens.", CATALOGUE),
    Struck(r"(?-i:\bUsername\b)", "User name", "Username", "userName", CATALOGUE),
    Struck(
        r"(?<!%\()\bcover(?:s|ed)?\b", "allowed, outside the ranges", "It is not covered.", "Discovered.", CATALOGUE
    ),
    Struck(r"\b(?:is|are) told\b", "gets a message", "Nobody is told yet.", "Tell them.", CATALOGUE),
    Struck(r"\bmakers\b", "the vendor", "The makers of iProva.", "The maker of the adapter.", CATALOGUE),
    Struck(r"\b(?:makes room|forgets)\b", "prepares, deletes", "Forgets counts.", "There is no room.", CATALOGUE),
    Struck(r"\bspeaks?\b", "uses", "The job speaks SCIM 2.0.", "A speaker.", CATALOGUE),
)

# The same for the Dutch texts, whose terms are Microsoft's.
STRUCK_DUTCH = (
    Struck(
        r"(?-i:(?<!Start\s)\bprovisioning)", "inrichting", "De provisioning stopt.", "Start provisioning", DUTCH_TEXTS
    ),
    Struck(r"\battribu(?:ut|ten)", "kenmerk", "Het attribuut is leeg.", "Update User Attributes", DUTCH_TEXTS),
    Struck(r"(?<!\()\bTenant URL\b", "Tenant-URL", "Plak de Tenant URL.", "Tenant-URL (Tenant URL)", DUTCH_TEXTS),
    Struck(
        r"(?-i:\bSecret Token\b)", "Geheim token", "Plak het Secret Token.", "Geheim token (Secret token)", DUTCH_TEXTS
    ),
    Struck(r"\bbearer token\b", "bearer-token", "Een bearer token.", "Een bearer-token.", DUTCH_TEXTS),
    Struck(
        r"\baanroep(?:en)?\b|\b(?:roept|roepen|riep(?:en)?)\b", "verzoek", "Elke aanroep telt.", "Roep.", DUTCH_TEXTS
    ),
    Struck(r"\b(?:gedekt|dekken|dekt)\b", "valt binnen een bereik", "Niet gedekt.", "De dekking.", DUTCH_TEXTS),
    Struck(r"\bop(?:geschort|schorten|te schorten)\b", "tijdelijk geblokkeerd", "Opgeschort.", "Schort.", DUTCH_TEXTS),
    Struck(r"\boverlap\b", "overgangsperiode", "Met een overlap.", "Overlappend.", DUTCH_TEXTS),
    Struck(r"\blevende? token", "geldig token", "Een levend token.", "Een geldig token.", DUTCH_TEXTS),
    Struck(r"\btoestand\b", "status", "De toestand is rood.", "De status is rood.", DUTCH_TEXTS),
    Struck(r"\bvertrekkers?\b", "verwijderingen", "Alle vertrekkers.", "Het vertrek.", DUTCH_TEXTS),
    Struck(r"\bhandeling(?:en)?\b", "actie", "Een handeling.", "Behandeling.", DUTCH_TEXTS),
    Struck(r"\b(?:neem|nemen)\b[^.]* waar\b", "kijk mee", "Neem eerst waar.", "Neem dit mee.", DUTCH_TEXTS),
    Struck(
        r"\bin gebreke\b|\bbuiten bedrijf\b", "niet beschikbaar", "iProva is in gebreke.", "Het bedrijf.", DUTCH_TEXTS
    ),
    Struck(r"\buw plek\b", "uw netwerk", "Vanaf uw plek.", "Vanaf uw netwerk.", DUTCH_TEXTS),
    Struck(r"\bmakers\b", "leverancier", "De makers van iProva.", "De maker van de adapter.", DUTCH_TEXTS),
    Struck(
        r"\bzij (?:verliet|werd|gaat)\b|\bhaar\b",
        "no pronoun for a person",
        "Toen zij werd aangemaakt.",
        "Zij wachten.",
        DUTCH_TEXTS,
    ),
)


def hits(text: str, scope: str, where: str, first_line: int = 1) -> list[str]:
    """Each struck word in `text` as "file:line: the word → what to write instead"."""
    text = re.sub(r"(`+)[^`]+\1", lambda quoted: re.sub(r"[^\n]", "`", quoted.group()), text)
    found = []
    for row in STRUCK + STRUCK_DUTCH:
        for match in row.search(text) if scope in row.scopes else ():
            line = first_line + text.count("\n", 0, match.start())
            found.append(f"{where}:{line}: {' '.join(match.group().split())} → {row.instead}")
    return found


def prose_of(source: str) -> Iterator[tuple[int, str]]:
    """Each docstring, and each block of comments, of a Python file with the number of its first line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                yield first.lineno, first.value.value
    block: list[str] = []
    last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            if block and token.start[0] != last + 1:
                yield last - len(block) + 1, "\n".join(block)
                block = []
            block.append(token.string.lstrip("#: "))
            last = token.start[0]
    if block:
        yield last - len(block) + 1, "\n".join(block)


def python_files(package: str) -> list[Path]:
    found = sorted((PROJECT / package).rglob("*.py"))
    return [path for path in found if "migrations" not in path.parts and path != Path(__file__).resolve()]


def report(found: list[str]) -> None:
    assert not found, f"{len(found)} struck words:\n" + "\n".join(found)


@pytest.mark.parametrize("row", STRUCK + STRUCK_DUTCH, ids=lambda row: row.bad)
def test_a_pattern_finds_its_example_and_not_its_counterexample(row):
    assert any(row.search(row.bad))
    assert any(row.search(row.bad.replace(" ", "\n")))
    assert not any(row.search(row.good))


def test_code_in_backticks_is_not_checked_and_lines_are_counted():
    text = "`payload`\nthe\npayload of `she`"
    assert hits(text, "docs", "x") == ["x:3: payload → request body, response body"]


def test_docstrings_and_comments_are_read_with_their_lines():
    source = '"""Module."""\n\nx = 1  # one\n# two\n\n\ndef f():\n    """Function."""\n    return "# none"\n'
    assert sorted(prose_of(source)) == [(1, "Module."), (3, "one\ntwo"), (8, "Function.")]


@pytest.mark.parametrize(
    "path", [path for pattern in DOCUMENTS for path in sorted(PROJECT.glob(pattern))], ids=lambda path: path.name
)
def test_a_document_uses_no_struck_word(path):
    report(hits(path.read_text("utf-8"), "docs", path.name))


def test_the_catalogue_uses_no_struck_word():
    report(
        [
            hit
            for message in read_po(DUTCH)
            for text in {message.msgid, message.plural}
            for hit in hits(text, "catalogue", repr(text[:60]))
        ]
    )


def test_the_dutch_texts_use_no_struck_word():
    report(
        [hit for message in read_po(DUTCH) for text in message.texts for hit in hits(text, "dutch", repr(text[:60]))]
    )


@pytest.mark.parametrize("package", PACKAGES)
def test_docstrings_and_comments_use_no_struck_word(package):
    report(
        [
            hit
            for path in python_files(package)
            for line, text in prose_of(path.read_text("utf-8"))
            for hit in hits(text, "code", str(path.relative_to(PROJECT)), line)
        ]
    )
