"""The ranges of an IP restriction: typed, pasted, merged, removed and imported (AC-IP)."""

import json
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from providers.ip_rules import MAX_RANGES
from providers.models import IpRule
from tests.factories import make_calls
from tests.pages import read
from tests.providers.console.provider.conftest import (
    ENTRA,
    OUTSIDE,
    add_ranges,
    confirm_tags,
    plan_on,
    ranges_of,
    restriction_page,
    service_tags,
    set_mode,
    upload_tags,
)


def test_ac_ip_1_each_bad_line_is_named_and_the_good_ones_are_kept(administrator, provider):
    text = "203.0.113.0/24 # office\n1.2.3\n20.190.137.045\nfe80::1%eth0\n20.190.137.45/18\n2001:db8::1\n192.0.2.7"
    page = add_ranges(administrator, provider, text)
    for line, said in (
        (2, "1.2.3 is not a valid IP address or range"),
        (3, "20.190.137.045 is not a valid IP address or range"),
        (4, "fe80::1%eth0 names a zone"),
        (5, "did you mean 20.190.128.0/18?"),
    ):
        assert f"Line {line}: " in page.text and said in page.text
    assert page.one("textarea").value == text and not provider.ip_rules.exists()
    page = add_ranges(administrator, provider, text, use="5:20.190.128.0/18")
    assert "20.190.128.0/18\n2001:db8::1" in page.one("textarea").value and not provider.ip_rules.exists()
    page = add_ranges(administrator, provider, "203.0.113.0/24 # office\n2001:db8::1\n192.0.2.7")
    assert "3 allowed ranges added." in page.text and "office" in page.text
    assert ranges_of(provider) == ["192.0.2.7/32", "2001:db8::1/128", "203.0.113.0/24"]


def test_ac_ip_1_one_range_with_its_note(administrator, provider):
    answer = administrator.post(
        restriction_page(provider, "add/"), {"range": " 192.0.2.7 ", "note": "our own\nnetwork"}
    )
    assert answer.status_code == 302 and provider.ip_rules.get().note == "our own network"
    refused = read(administrator.post(restriction_page(provider, "add/"), {"range": "", "note": "x"}))
    assert "Enter at least one allowed range." in refused.text


@pytest.mark.parametrize("text", ["0.0.0.0/0", "::/0", "0.0.0.0/1\n128.0.0.0/1"])
def test_ac_ip_2_everyone_is_no_restriction(administrator, observed, text):
    page = add_ranges(administrator, observed, text)
    assert "turn the restriction off instead" in page.text and ranges_of(observed) == ["20.190.128.0/18"]
    IpRule.objects.create(provider=observed, cidr="0.0.0.0/0")  # as an older release may have let it in
    make_calls(observed)
    assert "turn the restriction off instead" in set_mode(administrator, observed, "enforce").text
    assert observed.ip_mode == "observe"


def test_ac_ip_3_duplicates_are_reported_and_contained_ranges_merged_on_request(administrator, observed):
    page = add_ranges(
        administrator, observed, "20.190.128.0/18\n20.190.137.0/24\n20.190.137.45\n192.0.2.0/24\n192.0.2.0/24"
    )
    assert "3 allowed ranges added. 1 was there already." in page.text
    assert "2 allowed ranges lie inside wider ones and add nothing." in page.text
    asked = read(administrator.get(restriction_page(observed, "remove/?merge=yes")))
    assert "20.190.137.45/32" in asked.text and "20.190.137.0/24" in asked.text and "192.0.2.0/24" not in asked.source
    administrator.post(restriction_page(observed, "remove/"), {"merge": "yes"})
    assert ranges_of(observed) == ["192.0.2.0/24", "20.190.128.0/18"]


def test_ac_ip_9_a_file_of_six_megabytes_is_imported_in_time(administrator, provider):
    filler = [{"name": f"Tag{n}", "properties": {"addressPrefixes": ["10.0.0.0/8"] * 20}} for n in range(18_000)]
    wanted = [f"20.{a}.{b}.0/24" for a in range(4) for b in range(100)]
    content = json.loads(service_tags(wanted))
    content["values"] = filler + content["values"]
    content = json.dumps(content).encode()
    assert len(content) > 5_500_000
    started = time.monotonic()
    page = confirm_tags(administrator, provider, upload_tags(administrator, provider, content))
    assert time.monotonic() - started < 5
    assert (
        "AzureActiveDirectory imported: 400 added, 0 removed, 0 kept." in page.text and provider.ip_rules.count() == 400
    )


@pytest.mark.parametrize(
    ("content", "tag", "said"),
    [
        (b"{", "", "The file is not JSON"),
        (b"\xff\xfe\x00", "", "The file is not JSON"),
        (b"[" * 100_000, "", "The file is not JSON"),
        (b"[]", "", "no list of service tags"),
        (b'{"values": 3, "cloud": "Public"}', "", "no list of service tags"),
        (service_tags(["192.0.2.0/24"], cloud="AzureGovernment"), "", "for the cloud “AzureGovernment”"),
        (service_tags(["192.0.2.0/24"]), "AzureActiveDirectry", "Did you mean AzureActiveDirectory?"),
        (service_tags([]), "", "has no ranges in this file"),
        (service_tags(["192.0.2.1/24"]), "", "does not start on a range boundary"),
        (service_tags([{"a": 1}]), "", "A range in the file cannot be read"),
        (b'{"cloud": "Public", "values": [{"name": "AzureActiveDirectory", "properties": [1]}]}', "", "has no ranges"),
        (service_tags(["0.0.0.0/1", "128.0.0.0/1"]), "", ""),
        (b" " * 20_500_000, "", "larger than 20 MB"),
    ],
)
def test_ac_ip_9_what_is_no_list_is_explained_and_changes_nothing(administrator, observed, content, tag, said):
    answer = upload_tags(administrator, observed, content, tag or "AzureActiveDirectory")
    page = read(answer)
    if not said:  # readable, and refused when it is confirmed
        page, said = confirm_tags(administrator, observed, answer), "turn the restriction off instead"
    assert answer.status_code == 200 and said in page.text and page.has(role="alert")
    assert ranges_of(observed) == ["20.190.128.0/18"]


def test_the_service_tag_is_that_of_the_kind_of_directory(administrator, observed):
    form = read(administrator.get(restriction_page(observed))).one("form", action=restriction_page(observed, "import/"))
    assert (
        form.one("summary").text == "Service tag: AzureActiveDirectory" and "open" not in form.one("details").attributes
    )
    answer = upload_tags(administrator, observed, service_tags(["40.126.0.0/18"]), tag="")
    confirm_tags(administrator, observed, answer)
    assert "40.126.0.0/18" in ranges_of(observed)
    type(observed).objects.update(kind="okta")  # what was imported before can be renewed
    form = read(administrator.get(restriction_page(observed))).one("form", action=restriction_page(observed, "import/"))
    assert form.one("input", name="tag")["value"] == "AzureActiveDirectory" and "open" in form.one("details").attributes


def test_ac_ip_9_no_file_is_asked_for(administrator, provider):
    answer = administrator.post(restriction_page(provider, "import/"), {"tag": "x"})
    assert "Choose the file first." in read(answer).text


def test_ac_ip_10_importing_again_shows_and_makes_the_difference_only(administrator, observed):
    add_ranges(administrator, observed, "192.0.2.0/24 # ours\n40.126.0.0/18")
    first = upload_tags(administrator, observed, service_tags(["40.126.0.0/18", "13.64.0.0/16", "2603:1006:2000::/48"]))
    confirm_tags(administrator, observed, first)
    second = upload_tags(
        administrator, observed, service_tags(["40.126.0.0/18", "13.64.0.0/16", "13.80.0.0/16"], number=215)
    )
    page = read(second)
    for part in ("Added: 1", "Removed: 1", "Kept: 2", "13.80.0.0/16"):
        assert part in page.text, part
    assert "2603:1006:2000::/48" in ranges_of(observed)  # a preview changes nothing
    page = confirm_tags(administrator, observed, second)
    assert (
        "AzureActiveDirectory imported: 1 added, 1 removed, 2 kept." in page.text and "change number 215" in page.text
    )
    kept = ["13.64.0.0/16", "13.80.0.0/16", "192.0.2.0/24", "20.190.128.0/18", "40.126.0.0/18"]
    assert ranges_of(observed) == kept
    assert IpRule.objects.get(cidr="40.126.0.0/18").tag == ""  # typed, so no import takes it away
    older = read(upload_tags(administrator, observed, service_tags(["13.64.0.0/16"], number=214)))
    assert "This file is older than the last import, number 215." in older.text


def test_ac_ip_10_the_preview_says_whom_it_would_leave_uncovered(administrator, observed):
    confirm_tags(administrator, observed, upload_tags(administrator, observed, service_tags(["40.126.0.0/18"])))
    make_calls(observed, source_ip="40.126.1.1")
    make_calls(observed, source_ip=ENTRA)
    page = read(upload_tags(administrator, observed, service_tags(["13.64.0.0/16"], number=215)))
    assert "will be outside the allowed ranges" in page.text and "40.126.1.1" in page.text and ENTRA not in page.source


@pytest.mark.parametrize("change", [lambda plan: plan[:-3] + "xyz", lambda plan: "x", lambda plan: ""])
def test_ac_ip_10_a_plan_that_was_altered_changes_nothing(administrator, provider, change):
    plan = plan_on(upload_tags(administrator, provider, service_tags(["192.0.2.0/24"])))
    answer = administrator.post(restriction_page(provider, "import/"), {"plan": change(plan)})
    assert "Choose the file again" in read(answer).text and not provider.ip_rules.exists()


def test_ac_ip_10_a_plan_is_for_its_provider(administrator, provider, stranger):
    plan = plan_on(upload_tags(administrator, provider, service_tags(["192.0.2.0/24"])))
    assert administrator.post(restriction_page(stranger, "import/"), {"plan": plan}).status_code == 404
    assert not IpRule.objects.exists()


@pytest.mark.parametrize(("days", "tone"), [(9, ""), (20, "warn"), (50, "bad")])
def test_an_old_import_asks_for_a_newer_file(administrator, provider, days, tone):
    confirm_tags(administrator, provider, upload_tags(administrator, provider, service_tags(["192.0.2.0/24"])))
    IpRule.objects.update(imported_at=timezone.now() - timedelta(days=days))
    page = read(administrator.get(restriction_page(provider)))
    found = [age.one(class_="badge") for age in page.all(test_id="import-age")]
    assert [badge.text for badge in found] == ["Download a newer file"] * bool(tone)
    assert all(tone in badge["class"].split() for badge in found)


def test_removing_under_enforce_names_whom_it_refuses(administrator, observed):
    add_ranges(administrator, observed, "20.190.137.0/24\n192.0.2.0/24")
    make_calls(observed, source_ip=ENTRA)
    make_calls(observed, source_ip="192.0.2.1")
    set_mode(administrator, observed, "enforce")
    inner = observed.ip_rules.get(cidr="20.190.137.0/24")  # the wider one still covers
    page = read(administrator.get(restriction_page(observed, f"remove/?range={inner.pk}")))
    assert "will be refused" not in page.source
    only = observed.ip_rules.get(cidr="192.0.2.0/24")
    page = read(administrator.get(restriction_page(observed, f"remove/?range={only.pk}")))
    assert "will be refused" in page.text and "192.0.2.1" in page.text and ENTRA not in page.source


def test_a_provider_has_a_number_of_ranges_at_the_most(administrator, provider):
    networks = [f"10.{n // 256}.{n % 256}.0/24" for n in range(MAX_RANGES + 1)]
    assert "at most 2,000 allowed ranges" in add_ranges(administrator, provider, "\n".join(networks)).text
    assert not provider.ip_rules.exists()


def test_another_providers_range_is_not_touched(administrator, provider, observed):
    rule = observed.ip_rules.get()
    assert (
        "no longer exist"
        in read(administrator.post(restriction_page(provider, "remove/"), {"range": rule.pk}, follow=True)).text
    )
    make_calls(observed, source_ip=OUTSIDE)
    assert OUTSIDE not in read(administrator.get(restriction_page(provider))).source
    assert ranges_of(observed) == ["20.190.128.0/18"]
