"""The recorded requests of real clients (tests/conformance), as what a generator changes."""

import json
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

_FILE = Path(__file__).resolve().parent.parent / "tests" / "conformance" / "entra-requests.json"


@cache
def recorded_steps() -> list[dict[str, Any]]:
    """Every request of every scenario: method, path, query, headers and body, with their `{placeholders}`."""
    return [step for scenario in json.loads(_FILE.read_text("utf-8")) for step in scenario["steps"]]


def recorded_filters() -> list[str]:
    """The filters, each once."""
    queries = (parse_qsl(step.get("query") or "") for step in recorded_steps())
    return sorted({value for query in queries for name, value in query if name.lower() == "filter"})


def recorded_patches() -> list[str]:
    """The bodies of PATCH requests as text, each once."""
    bodies = (step.get("body") for step in recorded_steps() if step["method"] == "PATCH")
    return sorted({body if isinstance(body, str) else json.dumps(body) for body in bodies})
