"""The documents match the code: settings, dependencies, commands, versions, links."""

import re
import tomllib
from pathlib import Path

import pytest
from django.conf import settings

from iprova_idm.options import describe_options
from providers import rate_limits
from providers.console.accounts.lock_out import MOST_FROM_ADDRESS
from scim.clients import HABITS
from tests import threats

PROJECT = Path(__file__).resolve().parent.parent


def text(name: str) -> str:
    return (PROJECT / name).read_text("utf-8")


def test_every_setting_is_documented_as_it_is():
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.*?) \| (.*?) \| (.*?) \|$", text("docs/settings.md"), re.MULTILINE)
    assert [tuple(part.strip(" `") for part in row) for row in rows] == [
        (option.name, option.default, option.unit, option.sentence) for option in describe_options()
    ]


@pytest.mark.parametrize("name", ["base", "dev", "fuzz", "local"])
def test_every_dependency_has_its_reason(name):
    lines = [line.split("#")[0].strip() for line in text(f"requirements/{name}.in").splitlines()]
    packages = [re.split(r"[\[~=<>]", line)[0] for line in lines if line and not line.startswith("-")]
    assert packages
    for package in packages:
        assert re.search(rf"(^|[| ,]){re.escape(package)}[ ,]", text("docs/dependencies.md"), re.MULTILINE), package


def test_every_pinned_package_has_hashes():
    for name in ("base", "dev", "fuzz", "local"):
        for requirement in re.split(r"\n(?=[a-z])", text(f"requirements/{name}.txt")):
            if re.match(r"[a-z][\w.-]*==", requirement):
                assert "--hash=sha256:" in requirement


def test_the_readme_names_make_targets_that_exist():
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
    for name in ("README.md", "CONTRIBUTING.md"):
        assert set(re.findall(r"(?:`|^ {4})make ([a-z-]+)\b", text(name), re.MULTILINE)) <= targets
    assert "make test" in text(".ci/run")
    assert "make check" in text(".ci/run")


def test_every_habit_is_documented_as_it_is():
    rows = re.findall(r"^\| `([a-z-]+)` \| (.*?) \| (.*?) \|$", text("docs/clients.md"), re.MULTILINE)
    assert rows == [(habit.id, habit.sentence, habit.source) for habit in HABITS]


SECTIONS = {
    "7643": "2.1 2.2 2.3 2.4 2.5 3.1 3.3 4.1 4.2 4.3 5 6 7",
    "7644": "2 3.1 3.2 3.3 3.4.1 3.4.2 3.4.2.1 3.4.2.2 3.4.2.3 3.4.2.4 3.4.2.5 3.4.3 3.5.1 3.5.2 3.5.2.1 3.5.2.2 "
    "3.5.2.3 3.6 3.7 3.7.1 3.7.2 3.7.3 3.7.4 3.8 3.9 3.10 3.11 3.12 3.13 3.14 4 5 6 7",
    "9865": "2 2.1 3 4",
}


def test_every_part_of_the_rfcs_is_shown_by_a_test():
    chapters = dict(re.findall(r"^## RFC (\d+)\n(.*?)(?=^## )", text("docs/scim.md"), re.MULTILINE | re.DOTALL))
    for rfc, sections in SECTIONS.items():
        rows = re.findall(r"^\| §([\d.]+) \| .+? \| (.+?) \|$", chapters[rfc], re.MULTILINE)
        assert {section for section, _ in rows} == set(sections.split()), rfc
        for section, shown in rows:
            found = re.findall(r"`([\w/]+\.py)::(\w+)`", shown)
            assert found, (rfc, section)
            for file, name in found:
                source = text(file if file.startswith("tests/") else f"tests/scim/{file}")
                assert re.search(rf"^def {name}\(", source, re.MULTILINE), (file, name)


def test_documents_that_are_named_exist():
    for path in [*PROJECT.rglob("*.py"), *PROJECT.glob("*.md"), *(PROJECT / "docs").glob("*.md")]:
        if ".venv" not in path.parts:
            for name in re.findall(r"docs/[a-z]+\.(?:md|png)", path.read_text("utf-8")):
                assert (PROJECT / name).exists(), f"{path} names {name}"


DOCUMENTS = sorted(path.relative_to(PROJECT) for path in (*PROJECT.glob("*.md"), *PROJECT.glob("docs/*.md")))
_LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")


def anchors(markdown: str) -> set[str]:
    """The anchors of a page's headings, as GitHub forms them."""
    headings = re.findall(r"^#+ (.+)$", markdown, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_links_lead_to_a_file_and_a_heading(path):
    for name, anchor in _LINK.findall(text(str(path))):
        target = (PROJECT / path).parent / name if name else PROJECT / path
        assert target.exists(), name
        assert not anchor or anchor in anchors(target.read_text("utf-8")), f"{name}#{anchor}"


def test_the_start_page_links_every_document():
    linked = {name for name, _anchor in _LINK.findall(text("docs/index.md"))}
    pages = {path.name for path in (PROJECT / "docs").glob("*.md")} - {"index.md"}
    assert pages <= linked


def test_the_changelog_has_its_form_and_the_version_of_the_product():
    changelog = text("CHANGELOG.md")
    unreleased, *releases = re.findall(r"^## (.+)$", changelog, re.MULTILINE)
    assert unreleased == "[Unreleased]"
    for release in releases:
        assert re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}", release)
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", changelog, re.MULTILINE)) <= kinds
    version = tomllib.loads(text("pyproject.toml"))["project"]["version"]
    assert releases[0].startswith(f"[{version}] - ")


def test_every_threat_is_listed_with_its_tests():
    document = text("docs/security.md")
    assert threats.with_tests(document) == document, "python -m tests.threats writes the column"
    rows = re.findall(r"^\| ([VHML]\d+) \| .* \| ([^|]*) \|$", document, re.MULTILINE)
    counts = {"V": 65, "H": 3, "M": 10, "L": 17}
    assert {number for number, _ in rows} == {
        f"{kind}{n}" for kind, count in counts.items() for n in range(1, count + 1)
    }
    assert [number for number, tests in rows if not tests] == []


def test_m9_the_limits_that_the_documents_promise_are_those_of_the_product():
    default = {option.name: option.default for option in describe_options()}
    names = ("SECURITY.md", "README.md", "docs/scim.md", "docs/console.md")
    said = {name: " ".join(text(name).split()) for name in names}
    rates = f"{default['PROVIDER_RATE']} SCIM requests a second for long (`PROVIDER_RATE`), and each address "
    assert rates + f"{default['REFUSED_RATE']} requests a second that are refused" in said["SECURITY.md"]
    burst = f"{default['PROVIDER_BURST']} requests at once, and {default['PROVIDER_RATE']} a second for long"
    assert burst in said["docs/scim.md"]
    assert f"{rate_limits.passwords.burst} times at once" in said["docs/console.md"].replace(" ten times", " 10 times")
    assert (settings.AXES_FAILURE_LIMIT, MOST_FROM_ADDRESS) == (5, 30)
    for name in ("SECURITY.md", "docs/console.md"):
        assert "Five wrong passwords" in said[name] and "hirty" in said[name]
    assert not re.search("does not limit|nginx.conf. (has|limits)", " ".join(said.values()))


def test_m9_nginx_limits_what_its_comment_says():
    limited = re.findall(r"location (\S+) \{[^}]*limit_req ", text("deploy/nginx.conf"))
    assert limited == ["/login/"]
    comment = re.search(r"((?:^#.*\n)+)limit_req_zone", text("deploy/nginx.conf"), re.MULTILINE)
    assert comment and "sign-in pages" in comment[1] and "PROVIDER_RATE, REFUSED_RATE" in comment[1]
