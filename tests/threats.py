"""The tests of each threat: the last column of the tables in docs/security.md, found by the names of the tests.

A test is named after what it is for: `test_v40_h1_a_bulk_request_keeps_what_it_did` is one of V40 and of H1.
`python -m tests.threats` writes the column; `test_docs.py` compares it.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

TESTS = Path(__file__).resolve().parent
DOCUMENT = TESTS.parent / "docs" / "security.md"
_TEST = re.compile(r"^\s*(?:async )?def test_(\w+)\(", re.MULTILINE)
_NUMBER = re.compile(r"(?:v\d+|[hml]\d+)$")
_ROW = re.compile(r"^\| ([VHML]\d+) \| .* \|([^|]*)\|$")
MOST_FILES = 4


def named_tests() -> Mapping[str, Counter[str]]:
    """The files that have tests of a threat, such as V40 or H1, with the number of these tests."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for path in sorted(TESTS.rglob("test_*.py")):
        for name in _TEST.findall(path.read_text("utf-8")):
            for part in name.split("_"):
                if not _NUMBER.match(part):
                    break
                found[part.upper()][path.relative_to(TESTS).as_posix()] += 1
    return found


def with_tests(markdown: str) -> str:
    """The document with its last column as the names of the tests have it."""
    found = named_tests()
    return "\n".join(_filled(line, found) for line in markdown.split("\n"))


def _filled(line: str, found: Mapping[str, Counter[str]]) -> str:
    row = _ROW.match(line)
    if row is None:
        return line
    files = sorted(found.get(row[1], Counter()).items(), key=lambda known: (-known[1], known[0]))
    shown = [f"`{name}` {count}" for name, count in files[:MOST_FILES]]
    more = [f"{len(files) - MOST_FILES} more"] if len(files) > MOST_FILES else []
    return f"{line[: row.start(2)]} {', '.join(shown + more)} |"


if __name__ == "__main__":
    DOCUMENT.write_text(with_tests(DOCUMENT.read_text("utf-8")), "utf-8")
