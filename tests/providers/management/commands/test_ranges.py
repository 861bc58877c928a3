"""The commands about the IP restriction."""

import json

from providers.management.script import Exit
from tests.factories import make_calls
from tests.providers.management.conftest import acts, ask, refusal, run
from tests.providers.test_service_tags import TAG, file_of


def ranges(answer):
    return [one["range"] for one in answer["ranges"]]


def test_ranges_are_added_and_removed_once(provider):
    added = ask("add_ranges", provider.pk, "192.0.2.0/24", "203.0.113.0/24", "--note", "office")
    assert ranges(added) == ["192.0.2.0/24", "203.0.113.0/24"] and added["ranges"][0]["note"] == "office"
    assert ask("add_ranges", provider.pk, "192.0.2.0/24") == added
    assert ranges(ask("remove_ranges", provider.pk, "192.0.2.0/24")) == ["203.0.113.0/24"]
    assert ranges(ask("remove_ranges", provider.pk, "192.0.2.0/24")) == ["203.0.113.0/24"]
    assert acts() == ["ip.ranges", "ip.ranges"]
    assert refusal("add_ranges", provider.pk, "0.0.0.0/0")[0] == Exit.CONFLICT


def test_enforcing_is_guarded_as_in_the_console(provider):
    assert "no allowed range" in refusal("set_ip_restriction", provider.pk, "enforce")[1]
    run("add_ranges", provider.pk, "192.0.2.0/24")
    assert "start with observe" in refusal("set_ip_restriction", provider.pk, "enforce")[1]
    make_calls(provider, source_ip="198.51.100.7")
    code, said = refusal("set_ip_restriction", provider.pk, "enforce")
    assert code == Exit.CONFLICT and "198.51.100.7" in said and "--refuse-seen" in said
    seen = ask("set_ip_restriction", provider.pk, "enforce", "--refuse-seen")["seen_7_days"]
    assert [(one["address"], one["calls"], one["allowed_by"]) for one in seen] == [("198.51.100.7", 1, None)]
    assert ask("set_ip_restriction", provider.pk, "enforce")["mode"] == "enforce"
    assert "no allowed range" in refusal("remove_ranges", provider.pk, "192.0.2.0/24")[1]
    make_calls(provider, source_ip="192.0.2.7")
    run("add_ranges", provider.pk, "203.0.113.0/24")
    assert "192.0.2.7" in refusal("remove_ranges", provider.pk, "192.0.2.0/24")[1]
    assert ranges(ask("remove_ranges", provider.pk, "192.0.2.0/24", "--refuse-seen")) == ["203.0.113.0/24"]
    assert ask("set_ip_restriction", provider.pk, "off")["mode"] == "off"
    assert acts() == ["ip.ranges", "ip.mode", "ip.ranges", "ip.ranges", "ip.mode"]


def test_microsofts_file_replaces_the_ranges_of_its_tag(provider, tmp_path):
    file = tmp_path / "tags.json"
    file.write_bytes(file_of(TAG))
    planned = ask("import_ranges", provider.pk, file, "--dry-run")
    assert planned == {"added": ["20.190.128.0/18"], "removed": [], "kept": []} and acts() == []
    assert ask("import_ranges", provider.pk, file) == planned
    assert ask("import_ranges", provider.pk, file) == {"added": [], "removed": [], "kept": ["20.190.128.0/18"]}
    [found] = ask("show_ip_restriction", provider.pk)["ranges"]
    assert (found["tag"], found["change_number"]) == ("AzureActiveDirectory", 7) and acts() == ["ip.ranges"]
    assert "Did you mean" in refusal("import_ranges", provider.pk, file, "--tag", "AzureActiveDirectori")[1]
    file.write_text(json.dumps([]))
    assert refusal("import_ranges", provider.pk, file)[0] == Exit.FAILED
    assert "cannot be read" in refusal("import_ranges", provider.pk, tmp_path / "none")[1]
