"""The summary that each history must lead to, and the table of them in docs/console.md.

`python -m tests.providers.console.users.summaries` makes the table again.
"""

import functools
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[3] / "docs" / "console.md"
HEADING = "## Histories and their summaries\n"


@functools.cache
def expected() -> dict[str, dict[str, Any]]:
    """For each history `en` and `nl`, the paragraphs of the summary, and `verdict`, which a reader gave."""
    return tomllib.loads((HERE / "histories.toml").read_text("utf-8"))


def table() -> str:
    """The table of all histories in Markdown."""
    rows = [
        f"| {name.replace('_', ' ')} | {'<br>'.join(texts['en'])} | {texts['verdict']} |"
        for name, texts in expected().items()
    ]
    return "\n".join(["| History | Summary | Verdict |", "|---|---|---|", *rows]).replace("<time>", "…") + "\n"


def document() -> str:
    """The document with its table made again."""
    before, heading, rest = DOCUMENT.read_text("utf-8").partition(HEADING)
    return before + heading + rest.partition("| History |")[0] + table()


if __name__ == "__main__":
    DOCUMENT.write_text(document(), "utf-8")
