"""The shape of the console: one name for a page's address, view and template, and queries that have a home."""

import re

import pytest
from django.conf import settings
from django.urls import get_resolver

CONSOLE = settings.BASE_DIR / "providers" / "console"
TEMPLATES = settings.BASE_DIR / "templates" / "console"
MODULES = sorted(CONSOLE.rglob("*.py"))
# Names of Django's own, and pages that are answers of another page's form.
DJANGOS = {"index", "login", "logout", "password_change", "password_change_done", None}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(CONSOLE)))
def test_a_query_names_its_provider_by_a_method_of_its_queryset(module):
    found = re.findall(
        r"\.(?:filter|exclude|get)\([^)]*\bprovider(?:_id)?(?:__in)?\s*=[^)]*\)", module.read_text("utf-8")
    )
    assert found == []


def test_the_address_of_a_page_is_called_as_its_view_is():
    for pattern in get_resolver().url_patterns:
        for page in getattr(pattern, "url_patterns", []):
            name = getattr(page, "name", None)
            view = page.callback.__name__ if getattr(page, "callback", None) else ""
            if page.callback and page.callback.__module__.startswith("providers.console.") and name not in DJANGOS:
                assert name == view or view in {"changelist_view", "_export"}, (name, view)


def test_a_template_is_called_as_a_view_of_its_family_is_or_is_a_fragment():
    for template in TEMPLATES.rglob("*.html"):
        family = template.parent.relative_to(TEMPLATES)
        source = "".join(path.read_text("utf-8") for path in (CONSOLE / family).glob("*.py"))
        is_named = re.search(rf"^def {template.stem}\(", source, re.MULTILINE)
        is_page_of_another_kind = f"{template.stem}.html" in source or str(family) == "frame"
        assert template.stem.startswith("_") or is_named or is_page_of_another_kind, template
