"""The documents say what is there: settings, dependencies, commands."""

import re
from pathlib import Path

import pytest

from iprova_idm.options import describe_options
from scim.clients import HABITS

PROJECT = Path(__file__).resolve().parent.parent


def text(name: str) -> str:
    return (PROJECT / name).read_text("utf-8")


def test_every_setting_is_documented_as_it_is():
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*?) \| (.*?) \| (.*?) \|$", text("docs/settings.md"), re.MULTILINE)
    assert [tuple(part.strip(" `") for part in row) for row in rows] == [
        (option.name, option.default, option.unit, option.sentence) for option in describe_options()
    ]


@pytest.mark.parametrize("name", ["base", "dev", "local"])
def test_every_dependency_has_its_reason(name):
    lines = [line.split("#")[0].strip() for line in text(f"requirements/{name}.in").splitlines()]
    packages = [re.split(r"[\[~=<>]", line)[0] for line in lines if line and not line.startswith("-")]
    assert packages
    for package in packages:
        assert re.search(rf"(^|[| ,]){re.escape(package)}[ ,]", text("docs/dependencies.md"), re.MULTILINE), package


def test_every_pinned_package_has_hashes():
    for name in ("base", "dev", "local"):
        for requirement in re.split(r"\n(?=[a-z])", text(f"requirements/{name}.txt")):
            if re.match(r"[a-z][\w.-]*==", requirement):
                assert "--hash=sha256:" in requirement


def test_the_readme_names_make_targets_that_exist():
    targets = set(re.findall(r"^([a-z]+):", text("Makefile"), re.MULTILINE))
    for name in ("README.md", "CONTRIBUTING.md"):
        assert set(re.findall(r"(?:`|^ {4})make ([a-z]+)\b", text(name), re.MULTILINE)) <= targets
    assert "make test" in text(".ci/run")
    assert "make check" in text(".ci/run")


def test_every_habit_is_documented_as_it_is():
    rows = re.findall(r"^\| `([a-z-]+)` \| (.*?) \| (.*?) \|$", text("docs/clients.md"), re.MULTILINE)
    assert rows == [(habit.id, habit.sentence, habit.source) for habit in HABITS]


def test_documents_that_are_named_exist():
    for path in [*PROJECT.rglob("*.py"), *PROJECT.glob("*.md"), *(PROJECT / "docs").glob("*.md")]:
        if ".venv" not in path.parts:
            for name in re.findall(r"docs/[a-z]+\.(?:md|png)", path.read_text("utf-8")):
                assert (PROJECT / name).exists(), f"{path} names {name}"
