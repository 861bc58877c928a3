"""The IP restriction editor (AC-IP)."""

import json
import time
from datetime import timedelta
from io import BytesIO

import pytest
from django.utils import timezone

from providers import request_log
from providers.ip_restriction import MAX_RANGES
from providers.models import ChangeEvent, IpRule, Provider, RequestLog, SourceSeen
from tests.factories import issue, make_calls, make_provider
from tests.pages import read

ENTRA, OUTSIDE = "20.190.137.45", "52.146.136.12"


def page_of(provider, tab=""):
    return f"/eum/providers/{provider.pk}/ip-restriction/{tab}"


def ranges_of(provider):
    return sorted(str(cidr) for cidr in provider.ip_rules.values_list("cidr", flat=True))


def add(browser, provider, text, **more):
    return read(browser.post(page_of(provider, "add/"), {"ip_ranges": text, **more}, follow=True))


def set_mode(browser, provider, mode, **more):
    page = read(browser.post(page_of(provider, "mode/"), {"mode": mode, **more}, follow=True))
    provider.refresh_from_db()
    return page


def scim_from(client, value, address):
    headers = {"Authorization": f"Bearer {value}"}
    return client.get("/scim/Users", headers=headers, REMOTE_ADDR=address)


def service_tags(prefixes, *, number=214, name="AzureActiveDirectory", cloud="Public", **more):
    tag = {"name": name, "id": name, "properties": {"changeNumber": number, "addressPrefixes": prefixes}}
    return json.dumps({"changeNumber": 400, "cloud": cloud, "values": [tag], **more}).encode()


def upload(browser, provider, content, tag="AzureActiveDirectory"):
    file = BytesIO(content)
    file.name = "ServiceTags_Public_20261116.json"
    return browser.post(page_of(provider, "import/"), {"file": file, "tag": tag})


def plan_on(preview):
    return read(preview).one("input", name="plan").value


def confirm(browser, provider, preview):
    return read(browser.post(page_of(provider, "import/"), {"plan": plan_on(preview)}, follow=True))


@pytest.fixture
def observed():
    return make_provider("Observed Entra ID", ip_mode="observe", ranges=("20.190.128.0/18",))


def test_ac_ip_1_each_bad_line_is_named_and_the_good_ones_are_kept(administrator, provider):
    text = "203.0.113.0/24 # office\n1.2.3\n20.190.137.045\nfe80::1%eth0\n20.190.137.45/18\n2001:db8::1\n192.0.2.7"
    page = add(administrator, provider, text)
    for line, said in (
        (2, "1.2.3 is no IP address or range"),
        (3, "20.190.137.045 is no IP address or range"),
        (4, "fe80::1%eth0 names a zone"),
        (5, "did you mean 20.190.128.0/18?"),
    ):
        assert f"Line {line}: " in page.text and said in page.text
    assert page.one("textarea").value == text and not provider.ip_rules.exists()
    page = add(administrator, provider, text, use="5:20.190.128.0/18")
    assert "20.190.128.0/18\n2001:db8::1" in page.one("textarea").value and not provider.ip_rules.exists()
    page = add(administrator, provider, "203.0.113.0/24 # office\n2001:db8::1\n192.0.2.7")
    assert "3 ranges added." in page.text and "office" in page.text
    assert ranges_of(provider) == ["192.0.2.7/32", "2001:db8::1/128", "203.0.113.0/24"]


def test_ac_ip_1_one_range_with_its_note(administrator, provider):
    answer = administrator.post(page_of(provider, "add/"), {"range": " 192.0.2.7 ", "note": "our own\nnetwork"})
    assert answer.status_code == 302 and provider.ip_rules.get().note == "our own network"
    refused = read(administrator.post(page_of(provider, "add/"), {"range": "", "note": "x"}))
    assert "Enter at least one range." in refused.text


@pytest.mark.parametrize("text", ["0.0.0.0/0", "::/0", "0.0.0.0/1\n128.0.0.0/1"])
def test_ac_ip_2_everyone_is_no_restriction(administrator, observed, text):
    page = add(administrator, observed, text)
    assert "turn the restriction off instead" in page.text and ranges_of(observed) == ["20.190.128.0/18"]
    IpRule.objects.create(provider=observed, cidr="0.0.0.0/0")  # as an older release may have let it in
    make_calls(observed)
    assert "turn the restriction off instead" in set_mode(administrator, observed, "enforce").text
    assert observed.ip_mode == "observe"


def test_ac_ip_3_duplicates_are_reported_and_contained_ranges_merged_on_request(administrator, observed):
    page = add(administrator, observed, "20.190.128.0/18\n20.190.137.0/24\n20.190.137.45\n192.0.2.0/24\n192.0.2.0/24")
    assert "3 ranges added. 1 was there already." in page.text
    assert "2 ranges lie inside wider ones and add nothing." in page.text
    asked = read(administrator.get(page_of(observed, "remove/?merge=yes")))
    assert "20.190.137.45/32" in asked.text and "20.190.137.0/24" in asked.text and "192.0.2.0/24" not in asked.source
    administrator.post(page_of(observed, "remove/"), {"merge": "yes"})
    assert ranges_of(observed) == ["192.0.2.0/24", "20.190.128.0/18"]


def test_ac_ip_4_enforcing_what_would_refuse_somebody_needs_a_tick(administrator, observed):
    make_calls(observed, count=30, source_ip=ENTRA)
    make_calls(observed, count=9, source_ip=OUTSIDE, ago=timedelta(days=2))
    page = set_mode(administrator, observed, "enforce")
    assert "1 address that called in the last 7 days is not covered" in page.text and observed.ip_mode == "observe"
    [[address, calls, *_]] = page.one(test_id="uncovered").rows
    assert (address, calls) == (OUTSIDE, "9") and ENTRA not in page.source
    assert "I understand Entra will be refused" in page.text
    again = set_mode(administrator, observed, "enforce", confirm="yes")
    assert "Tick this to go on" in again.text and observed.ip_mode == "observe"
    assert (
        "IP restriction: Enforce." in set_mode(administrator, observed, "enforce", confirm="yes", understood="on").text
    )
    assert observed.ip_mode == "enforce"


def test_ac_ip_4_nobody_seen_means_observe_first(administrator, observed):
    assert "No address seen yet: observe first." in set_mode(administrator, observed, "enforce").text
    make_calls(observed, source_ip=ENTRA, ago=timedelta(days=9))  # before the days that count
    assert "No address seen yet: observe first." in set_mode(administrator, observed, "enforce").text
    assert observed.ip_mode == "observe"


def test_ac_ip_5_enforcing_an_empty_list_is_impossible(administrator, provider):
    make_calls(provider)
    assert "There are no ranges" in set_mode(administrator, provider, "enforce").text and provider.ip_mode == "off"
    add(administrator, provider, "20.190.128.0/18")
    set_mode(administrator, provider, "enforce")
    assert provider.ip_mode == "enforce"
    rule = provider.ip_rules.get()
    page = read(administrator.post(page_of(provider, "remove/"), {"range": rule.pk}))
    assert "These are the last ranges" in page.text and ranges_of(provider) == ["20.190.128.0/18"]


def test_ac_ip_6_observing_refuses_nobody_and_shows_who_would_be(administrator, observed, client):
    _token, value = issue(observed)
    assert scim_from(client, value, OUTSIDE).status_code == 200
    assert scim_from(client, value, ENTRA).status_code == 200
    request_log.writer.flush()
    page = read(administrator.get(page_of(observed)))
    assert "1 of 2 addresses seen are covered; 1 would be refused." in page.text
    (first, first_state, *_), (second, second_state, *_) = page.one(test_id="seen").rows
    assert (first, first_state) == (OUTSIDE, "Would be refused")
    assert second == ENTRA and second_state.startswith("Covered")


def test_ac_ip_7_enforcing_refuses_at_once_and_allow_lets_in(administrator, observed, client):
    _token, value = issue(observed)
    make_calls(observed, source_ip=ENTRA)
    assert scim_from(client, value, OUTSIDE).status_code == 200
    set_mode(administrator, observed, "enforce")
    refused = scim_from(client, value, OUTSIDE)
    assert refused.status_code == 403 and OUTSIDE not in refused.content.decode()
    assert scim_from(client, value, ENTRA).status_code == 200
    request_log.writer.flush()
    assert RequestLog.objects.filter(status=403, is_uncovered=True, source_ip=OUTSIDE).count() == 1
    assert OUTSIDE in read(administrator.get("/eum/refused/")).text
    page = read(administrator.get(page_of(observed)))
    row = page.one(test_id="seen").one("th", text=OUTSIDE).around("tr")
    assert row.has(class_="badge", text="Refused")
    allow = row.one("a", test_id="allow")["href"]
    assert allow == page_of(observed, f"add/?ranges={OUTSIDE}")
    assert read(administrator.get(allow)).one("textarea").value == OUTSIDE
    add(administrator, observed, OUTSIDE)
    assert scim_from(client, value, OUTSIDE).status_code == 200
    assert f"{OUTSIDE}/32" in ranges_of(observed)


def test_ac_ip_8_the_console_is_open_from_everywhere(administrator, observed):
    make_calls(observed)
    set_mode(administrator, observed, "enforce")
    answer = administrator.post(page_of(observed, "mode/"), {"mode": "off"}, REMOTE_ADDR="198.51.100.1", follow=True)
    observed.refresh_from_db()
    assert answer.status_code == 200 and observed.ip_mode == "off"


def test_ac_ip_9_a_file_of_six_megabytes_is_imported_in_time(administrator, provider):
    filler = [{"name": f"Tag{n}", "properties": {"addressPrefixes": ["10.0.0.0/8"] * 20}} for n in range(18_000)]
    wanted = [f"20.{a}.{b}.0/24" for a in range(4) for b in range(100)]
    content = json.loads(service_tags(wanted))
    content["values"] = filler + content["values"]
    content = json.dumps(content).encode()
    assert len(content) > 5_500_000
    started = time.monotonic()
    page = confirm(administrator, provider, upload(administrator, provider, content))
    assert time.monotonic() - started < 5
    assert (
        "AzureActiveDirectory imported: 400 added, 0 removed, 0 kept." in page.text and provider.ip_rules.count() == 400
    )


@pytest.mark.parametrize(
    ("content", "tag", "said"),
    [
        (b"{", "", "The file is no JSON"),
        (b"\xff\xfe\x00", "", "The file is no JSON"),
        (b"[" * 100_000, "", "The file is no JSON"),
        (b"[]", "", "no list of service tags"),
        (b'{"values": 3, "cloud": "Public"}', "", "no list of service tags"),
        (service_tags(["192.0.2.0/24"], cloud="AzureGovernment"), "", "for the cloud “AzureGovernment”"),
        (service_tags(["192.0.2.0/24"]), "AzureActiveDirectry", "Did you mean AzureActiveDirectory?"),
        (service_tags([]), "", "has no ranges in this file"),
        (service_tags(["192.0.2.1/24"]), "", "has host bits set"),
        (service_tags([{"a": 1}]), "", "A range in the file cannot be read"),
        (b'{"cloud": "Public", "values": [{"name": "AzureActiveDirectory", "properties": [1]}]}', "", "has no ranges"),
        (service_tags(["0.0.0.0/1", "128.0.0.0/1"]), "", ""),
        (b" " * 50_000_000, "", "larger than 20 MB"),
    ],
)
def test_ac_ip_9_what_is_no_list_is_explained_and_changes_nothing(administrator, observed, content, tag, said):
    answer = upload(administrator, observed, content, tag or "AzureActiveDirectory")
    page = read(answer)
    if not said:  # readable, and refused when it is confirmed
        page, said = confirm(administrator, observed, answer), "turn the restriction off instead"
    assert answer.status_code == 200 and said in page.text and page.has(role="alert")
    assert ranges_of(observed) == ["20.190.128.0/18"]


def test_ac_ip_9_no_file_is_asked_for(administrator, provider):
    answer = administrator.post(page_of(provider, "import/"), {"tag": "x"})
    assert "Choose the file first." in read(answer).text


def test_ac_ip_10_importing_again_shows_and_makes_the_difference_only(administrator, observed):
    add(administrator, observed, "192.0.2.0/24 # ours\n40.126.0.0/18")
    first = upload(administrator, observed, service_tags(["40.126.0.0/18", "13.64.0.0/16", "2603:1006:2000::/48"]))
    confirm(administrator, observed, first)
    second = upload(
        administrator, observed, service_tags(["40.126.0.0/18", "13.64.0.0/16", "13.80.0.0/16"], number=215)
    )
    page = read(second)
    for part in ("Added: 1", "Removed: 1", "Kept: 2", "13.80.0.0/16"):
        assert part in page.text, part
    assert "2603:1006:2000::/48" in ranges_of(observed)  # a preview changes nothing
    page = confirm(administrator, observed, second)
    assert (
        "AzureActiveDirectory imported: 1 added, 1 removed, 2 kept." in page.text and "change number 215" in page.text
    )
    kept = ["13.64.0.0/16", "13.80.0.0/16", "192.0.2.0/24", "20.190.128.0/18", "40.126.0.0/18"]
    assert ranges_of(observed) == kept
    assert IpRule.objects.get(cidr="40.126.0.0/18").tag == ""  # typed, so no import takes it away
    older = read(upload(administrator, observed, service_tags(["13.64.0.0/16"], number=214)))
    assert "This file is older than the last import, number 215." in older.text


def test_ac_ip_10_the_preview_says_whom_it_would_leave_uncovered(administrator, observed):
    confirm(administrator, observed, upload(administrator, observed, service_tags(["40.126.0.0/18"])))
    make_calls(observed, source_ip="40.126.1.1")
    make_calls(observed, source_ip=ENTRA)
    page = read(upload(administrator, observed, service_tags(["13.64.0.0/16"], number=215)))
    assert "will not be covered" in page.text and "40.126.1.1" in page.text and ENTRA not in page.source


@pytest.mark.parametrize("change", [lambda plan: plan[:-3] + "xyz", lambda plan: "x", lambda plan: ""])
def test_ac_ip_10_a_plan_that_was_altered_changes_nothing(administrator, provider, change):
    plan = plan_on(upload(administrator, provider, service_tags(["192.0.2.0/24"])))
    answer = administrator.post(page_of(provider, "import/"), {"plan": change(plan)})
    assert "Choose the file again" in read(answer).text and not provider.ip_rules.exists()


def test_ac_ip_10_a_plan_is_for_its_provider(administrator, provider, stranger):
    plan = plan_on(upload(administrator, provider, service_tags(["192.0.2.0/24"])))
    assert administrator.post(page_of(stranger, "import/"), {"plan": plan}).status_code == 404
    assert not IpRule.objects.exists()


@pytest.mark.parametrize(("days", "tone"), [(9, ""), (20, "warn"), (50, "bad")])
def test_an_old_import_asks_for_a_newer_file(administrator, provider, days, tone):
    confirm(administrator, provider, upload(administrator, provider, service_tags(["192.0.2.0/24"])))
    IpRule.objects.update(imported_at=timezone.now() - timedelta(days=days))
    page = read(administrator.get(page_of(provider)))
    found = [age.one(class_="badge") for age in page.all(test_id="import-age")]
    assert [badge.text for badge in found] == ["Download a newer file"] * bool(tone)
    assert all(tone in badge["class"].split() for badge in found)


def test_ac_ip_11_what_the_caller_claims_has_no_effect(administrator, observed, client):
    _token, value = issue(observed)
    make_calls(observed, source_ip=ENTRA)
    set_mode(administrator, observed, "enforce")
    headers = {"Authorization": f"Bearer {value}", "X-Forwarded-For": ENTRA}
    assert client.get("/scim/Users", headers=headers, REMOTE_ADDR=OUTSIDE).status_code == 403


def test_ac_ip_12_every_change_is_one_event_with_what_came_and_what_went(administrator, observed):
    make_calls(observed)
    add(administrator, observed, "192.0.2.0/24\n198.51.100.0/24")
    rule = observed.ip_rules.get(cidr="192.0.2.0/24")
    administrator.post(page_of(observed, "remove/"), {"range": rule.pk})
    set_mode(administrator, observed, "enforce")
    set_mode(administrator, observed, "enforce")  # twice is once
    confirm(administrator, observed, upload(administrator, observed, service_tags(["40.126.0.0/18"])))
    events = ChangeEvent.objects.filter(provider_id=observed.pk, kind__startswith="ip.").order_by("id")
    assert [(event.kind, event.changes) for event in events] == [
        ("ip.ranges", [{"path": "ranges", "before": [], "after": ["192.0.2.0/24", "198.51.100.0/24"]}]),
        ("ip.ranges", [{"path": "ranges", "before": ["192.0.2.0/24"], "after": []}]),
        ("ip.mode", [{"path": "mode", "before": "observe", "after": "enforce"}]),
        ("ip.ranges", [{"path": "ranges", "before": [], "after": ["40.126.0.0/18"]}]),
    ]
    assert all(event.person_name.startswith("administrator") for event in events)


def test_removing_under_enforce_names_whom_it_refuses(administrator, observed):
    add(administrator, observed, "20.190.137.0/24\n192.0.2.0/24")
    make_calls(observed, source_ip=ENTRA)
    make_calls(observed, source_ip="192.0.2.1")
    set_mode(administrator, observed, "enforce")
    inner = observed.ip_rules.get(cidr="20.190.137.0/24")  # the wider one still covers
    page = read(administrator.get(page_of(observed, f"remove/?range={inner.pk}")))
    assert "will be refused" not in page.source
    only = observed.ip_rules.get(cidr="192.0.2.0/24")
    page = read(administrator.get(page_of(observed, f"remove/?range={only.pk}")))
    assert "will be refused" in page.text and "192.0.2.1" in page.text and ENTRA not in page.source


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("20.190.137.45", "Covered by"),
        ("::ffff:20.190.137.45", "Covered by"),
        ("52.146.136.12", "Not covered"),
        ("2001:db8::1", "Not covered"),
        ("20.190.137.045", "This is no IP address."),
        ("<b>", "This is no IP address."),
    ],
)
def test_an_address_can_be_checked(administrator, observed, address, said):
    page = read(administrator.get(page_of(observed), {"check": address}))
    assert said in page.one(test_id="checked").text and "<b>" not in page.source


def test_the_page_names_the_browsers_address_as_not_entras(administrator, provider):
    page = read(administrator.get(page_of(provider), REMOTE_ADDR="203.0.113.9"))
    assert "address is 203.0.113.9" in page.text and "add it only to test by hand" in page.text


def test_matches_of_seven_days_are_counted_per_range(administrator, observed):
    make_calls(observed, count=12, source_ip=ENTRA)
    make_calls(observed, count=5, source_ip=ENTRA, ago=timedelta(days=8))
    page = read(administrator.get(page_of(observed)))
    [seen], [allowed] = page.one(test_id="seen").rows, page.one(test_id="ranges").rows
    assert (seen[2], allowed[4]) == ("17", "12")


def test_a_provider_has_a_number_of_ranges_at_the_most(administrator, provider):
    networks = [f"10.{n // 256}.{n % 256}.0/24" for n in range(MAX_RANGES + 1)]
    assert "2,000 ranges at the most" in add(administrator, provider, "\n".join(networks)).text
    assert not provider.ip_rules.exists()


def test_another_providers_range_is_not_touched(administrator, provider, observed):
    rule = observed.ip_rules.get()
    assert (
        "gone already" in read(administrator.post(page_of(provider, "remove/"), {"range": rule.pk}, follow=True)).text
    )
    make_calls(observed, source_ip=OUTSIDE)
    assert OUTSIDE not in read(administrator.get(page_of(provider))).source
    assert ranges_of(observed) == ["20.190.128.0/18"]


@pytest.mark.parametrize("tab", ["mode/", "add/", "remove/", "import/"])
def test_ac_role_2_support_changes_no_restriction(support, observed, tab):
    sent = {"mode": "off", "ip_ranges": "192.0.2.0/24", "range": observed.ip_rules.get().pk}
    assert support.post(page_of(observed, tab), sent).status_code == 403
    observed.refresh_from_db()
    assert observed.ip_mode == "observe" and ranges_of(observed) == ["20.190.128.0/18"]
    assert ChangeEvent.objects.filter(kind="console.refused", provider_id=observed.pk).count() == 1


def test_ac_role_1_support_sees_the_restriction_and_no_control(support, observed):
    make_calls(observed, source_ip=OUTSIDE)
    page = read(support.get(page_of(observed)))
    assert "Would be refused" in page.text and "20.190.128.0/18" in page.text
    for name in ("save-mode", "allow", "paste", "remove", "add-range", "preview", "merge"):
        assert not page.has(test_id=name), name


@pytest.mark.parametrize("count", [1, 120])
def test_the_page_asks_the_same_number_of_queries(administrator, observed, django_assert_num_queries, count):
    for number in range(count):
        IpRule.objects.create(provider=observed, cidr=f"10.0.{number}.0/24")
        make_calls(observed, source_ip=f"10.0.{number}.1")
    assert SourceSeen.objects.count() == count
    # session, account, second factor, rights, provider, live tokens, seen, ranges, matches; health: activity,
    # counts, tokens
    with django_assert_num_queries(12):
        page = read(administrator.get(page_of(observed)))
    assert len(page.all(test_id="remove")) == min(count + 1, 50) and Provider.objects.count() == 1
