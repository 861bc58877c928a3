"""The catalogue of texts, read without gettext's own programs."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

DUTCH = Path(__file__).parent.parent / "locale/nl/LC_MESSAGES/django.po"
_PART = re.compile(r'^(msgid|msgid_plural|msgstr(?:\[\d\])?) (".*"(?:\n".*")*)', re.MULTILINE)


@dataclass(frozen=True)
class Message:
    """One entry: its English text, the plural if it has one, and what they are in the other language."""

    msgid: str
    plural: str
    texts: tuple[str, ...]


def read_po(path: Path) -> list[Message]:
    """Every entry but the header. Raises AssertionError for a fuzzy one."""
    text = path.read_text()
    assert "#, fuzzy" not in text
    found = []
    for entry in text.split("\n\n")[1:]:
        parts = [(name, "".join(map(ast.literal_eval, quoted.split("\n")))) for name, quoted in _PART.findall(entry)]
        texts = tuple(value for name, value in parts if name.startswith("msgstr"))
        known = dict(parts)
        found.append(Message(known["msgid"], known.get("msgid_plural", ""), texts))
    return found
