"""What this product does not have, so that what it would have to guard cannot be attacked (V54, V55)."""

import ast
from pathlib import Path

from django.apps import apps
from django.urls import get_resolver

PROJECT = Path(__file__).resolve().parent.parent
# What opens a connection to an address. The connection test and `make run` call this server itself; the demo plays a
# directory. `providers.outgoing` calls what an administrator has entered, within its own rules.
CLIENTS = {"http.client", "urllib.request", "requests", "httpx", "aiohttp", "urllib3", "ftplib", "xmlrpc.client"}
ALLOWED = {"providers/connection_test.py", "providers/outgoing.py", "iprova_idm/serve.py"}
PLAYS_A_DIRECTORY = "iprova_idm/demo/"


def imports_of(source):
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_v54_v55_one_module_calls_other_addresses_than_that_of_this_server():
    found = set()
    for folder in ("scim", "providers", "iprova_idm"):
        for source in (PROJECT / folder).rglob("*.py"):
            if CLIENTS & set(imports_of(source)):
                found.add(str(source.relative_to(PROJECT)))
    assert {name for name in found if not name.startswith(PLAYS_A_DIRECTORY)} == ALLOWED


def routes(patterns, before=""):
    for pattern in patterns:
        yield f"{before}{pattern.pattern}"
        yield from routes(getattr(pattern, "url_patterns", []), f"{before}{pattern.pattern}")


def test_v55_no_webhook_comes_in():
    named = [*routes(get_resolver().url_patterns), *(model._meta.db_table for model in apps.get_models())]
    assert len(named) > 60 and not [name for name in named if "hook" in name or "callback" in name]
