"""Export and import of the configuration of providers."""

import json

import pytest
from django.utils import timezone

from providers.administration import delete_provider
from providers.events import SYSTEM
from providers.ip_restriction import import_tag
from providers.ip_rules import read_range
from providers.management.script import Exit
from providers.models import ChangeEvent, Provider
from providers.schemas import add_schema
from tests.factories import issue, make_calls
from tests.providers.management.conftest import acts, ask, refusal, run

SCHEMA = {"id": "urn:example:care:User", "name": "Care", "attributes": [{"name": "ward"}]}


@pytest.fixture
def exported(provider, tmp_path):
    """A file with the configuration of a provider that has something of everything."""
    run("set_provider", provider.pk, "--late-after-minutes", 100, "--removal-limit", "hold", "--strict-protocol")
    run("add_ranges", provider.pk, "192.0.2.0/24", "--note", "office")
    import_tag(provider, "Tag", 7, [read_range("20.190.128.0/18")], SYSTEM)
    add_schema(provider, SCHEMA, SYSTEM)
    _token, value = issue(provider)
    make_calls(provider, source_ip="192.0.2.7")
    run("set_ip_restriction", provider.pk, "enforce")
    file = tmp_path / "configuration.json"
    file.write_text(run("export_configuration"))
    assert value not in file.read_text() and value[:8] not in file.read_text()
    return file


def test_what_was_exported_makes_the_same_provider_elsewhere(provider, exported):
    before = json.loads(exported.read_text())
    delete_provider(provider, SYSTEM)
    [made] = ask("import_configuration", exported)
    assert made["is_new"] and made["ip_mode"] == "observe" and made["provider_id"] != provider.pk
    before["providers"][0]["ip_mode"] = "observe"
    assert json.loads(run("export_configuration", "contoso entra id")) == before


def test_a_second_import_changes_nothing(provider, exported):
    events = ChangeEvent.objects.count()
    [found] = ask("import_configuration", exported)
    assert found == {"provider_id": provider.pk, "title": provider.title, "ip_mode": "enforce", "is_new": False}
    assert ChangeEvent.objects.count() == events


def test_an_import_makes_the_ranges_those_of_the_file(provider, exported):
    before = run("export_configuration")
    run("add_ranges", provider.pk, "203.0.113.0/24")
    run("remove_ranges", provider.pk, "192.0.2.0/24", "--refuse-seen")
    run("set_provider", provider.pk, "--late-after-minutes", 200)
    run("import_configuration", exported, "--dry-run")
    assert run("export_configuration") != before
    run("import_configuration", exported)
    assert run("export_configuration") == before


def test_a_mistake_in_the_second_provider_leaves_the_first_unchanged(exported):
    document = json.loads(exported.read_text())
    first = document["providers"][0] | {"late_after_minutes": 300}
    for change, code, said in (
        ({"late_after_minutes": 1}, Exit.USAGE, "late_after_minutes: Enter a whole number"),
        ({"title": ""}, Exit.USAGE, "title: Give the provider a title"),
        (
            {"ranges": [{"range": "10.0.0.1/8"}]},
            Exit.FAILED,
            "providers[1].ranges: 10.0.0.1/8 does not start on a range boundary",
        ),
        ({"ranges": "10.0.0.0/8"}, Exit.FAILED, "not a list of objects"),
        ({"ip_mode": "on"}, Exit.FAILED, "ip_mode must be one of"),
        ({"tokens": []}, Exit.FAILED, "providers[1]: unknown names: tokens"),
        ({"schemas": [{"document": {}}]}, Exit.FAILED, "not a schema extension"),
        ({"schemas": [{"resource_type": "Role"}]}, Exit.FAILED, "'Role' is not a resource type"),
    ):
        document["providers"] = [first, first | {"title": "Other", "ranges": [], "schemas": []} | change]
        exported.write_text(json.dumps(document))
        found = refusal("import_configuration", exported)
        assert found[0] == code and said in found[1], change
    assert [provider.late_after_minutes for provider in Provider.objects.all()] == [100]


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 2, "providers": []}', '{"version": 1}', "\ud800"])
def test_another_file_is_refused(db, tmp_path, text):
    (tmp_path / "x").write_bytes(text.encode("utf-8", "surrogatepass"))
    assert refusal("import_configuration", tmp_path / "x")[0] == Exit.FAILED


def test_the_audit_has_an_import_as_the_acts_that_it_consists_of(provider, exported):
    delete_provider(provider, SYSTEM)
    at, known = timezone.now(), len(acts())
    run("import_configuration", exported)
    assert ChangeEvent.objects.filter(at__gte=at).exclude(person_name__startswith="manage.py").count() == 0
    assert acts()[known:] == ["provider.added", "provider.changed", "ip.ranges", "ip.ranges", "ip.mode", "schema.added"]
