"""`manage.py check_templates` compiles each template and reports long lines and what the browser would block.

The Content-Security-Policy is `default-src 'self'`: no inline styles, scripts or event handlers, and nothing from
other origins. A line has at most 120 columns: djlint keeps the layout, but leaves some lines longer.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.template import TemplateSyntaxError, engines
from django.template.backends.django import DjangoTemplates

BLOCKED = (
    (re.compile(r"\bstyle\s*=", re.IGNORECASE), "style= is blocked: use a class of console.css"),
    (re.compile(r"[\s\"']on[a-z]+\s*=", re.IGNORECASE), "on…= is blocked: listen in a script file"),
    (re.compile(r"<script(?![^>]*\bsrc\s*=)", re.IGNORECASE), "an inline <script> is blocked: use a file"),
    (re.compile(r"<style\b", re.IGNORECASE), "an inline <style> is blocked: use console.css"),
    (re.compile(r"\bjavascript:", re.IGNORECASE), "javascript: is blocked: listen in a script file"),
    (
        re.compile(r"\b(?:src|srcset|href|action|formaction|data|poster)\s*=\s*[\"']?\s*(?:[a-z]+:)?//", re.IGNORECASE),
        "another origin is blocked: serve it from static/",
    ),
)

LONGEST = 120  # columns of a line


class Command(BaseCommand):
    help = "Compile the templates and report long lines, inline styles, scripts, handlers and other origins."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        engine = engines["django"]
        assert isinstance(engine, DjangoTemplates)
        found = [path for folder in engine.engine.dirs for path in sorted(Path(folder).rglob("*.html"))]
        problems = [problem for path in found for problem in problems_of(path, engine)]
        if problems:
            raise CommandError("\n".join(problems))
        self.stdout.write(f"{len(found)} templates are fine.")


def problems_of(path: Path, engine: DjangoTemplates) -> Iterator[str]:
    """Yield each problem of one template as `file:line: reason`."""
    source = path.read_text()
    try:
        engine.from_string(source)
    except TemplateSyntaxError as error:
        yield f"{path}: {error}"
    for number, line in enumerate(source.splitlines(), 1):
        if len(line) > LONGEST:
            yield f"{path}:{number}: {len(line)} characters on a line, at most {LONGEST}"
    for pattern, reason in BLOCKED:
        for match in pattern.finditer(source):  # an element may span lines
            yield f"{path}:{source.count(chr(10), 0, match.end()) + 1}: {reason}"
