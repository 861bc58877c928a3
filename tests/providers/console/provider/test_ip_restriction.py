"""The mode of an IP restriction, and the addresses seen (AC-IP)."""

from datetime import timedelta

import pytest

from providers import request_log
from providers.models import ChangeEvent, IpRule, Provider, RequestLog, SourceSeen
from tests.factories import issue, make_calls
from tests.pages import read
from tests.providers.console.provider.conftest import (
    ENTRA,
    OUTSIDE,
    add_ranges,
    confirm_tags,
    ranges_of,
    restriction_page,
    service_tags,
    set_mode,
    upload_tags,
)


def scim_from(client, value, address):
    headers = {"Authorization": f"Bearer {value}"}
    return client.get("/scim/Users", headers=headers, REMOTE_ADDR=address)


def test_ac_ip_4_enforcing_what_would_refuse_somebody_needs_a_tick(administrator, observed):
    make_calls(observed, count=30, source_ip=ENTRA)
    make_calls(observed, count=9, source_ip=OUTSIDE, ago=timedelta(days=2))
    page = set_mode(administrator, observed, "enforce")
    assert (
        "1 address that called in the last 7 days is outside the allowed ranges" in page.text
        and observed.ip_mode == "observe"
    )
    [[address, calls, *_]] = page.one(test_id="uncovered").rows
    assert (address, calls) == (OUTSIDE, "9") and ENTRA not in page.source
    assert "I understand that requests of Entra ID from these addresses will be refused" in page.text
    again = set_mode(administrator, observed, "enforce", confirm="yes")
    assert "Tick this to continue" in again.text and observed.ip_mode == "observe"
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
    assert (
        "There are no allowed ranges" in set_mode(administrator, provider, "enforce").text and provider.ip_mode == "off"
    )
    add_ranges(administrator, provider, "20.190.128.0/18")
    set_mode(administrator, provider, "enforce")
    assert provider.ip_mode == "enforce"
    rule = provider.ip_rules.get()
    page = read(administrator.post(restriction_page(provider, "remove/"), {"range": rule.pk}))
    assert "These are the last allowed ranges" in page.text and ranges_of(provider) == ["20.190.128.0/18"]


def test_ac_ip_6_observing_refuses_nobody_and_shows_who_would_be(administrator, observed, client):
    _token, value = issue(observed)
    assert scim_from(client, value, OUTSIDE).status_code == 200
    assert scim_from(client, value, ENTRA).status_code == 200
    request_log.writer.flush()
    page = read(administrator.get(restriction_page(observed)))
    assert "1 of 2 addresses seen are in allowed ranges; 1 would be refused." in page.text
    (first, first_state, *_), (second, second_state, *_) = page.one(test_id="seen").rows
    assert (first, first_state) == (OUTSIDE, "Would be refused")
    assert second == ENTRA and second_state.startswith("Allowed")


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
    page = read(administrator.get(restriction_page(observed)))
    row = page.one(test_id="seen").one("th", text=OUTSIDE).around("tr")
    assert row.has(class_="badge", text="Refused")
    allow = row.one("a", test_id="allow")["href"]
    assert allow == restriction_page(observed, f"add/?ranges={OUTSIDE}")
    assert read(administrator.get(allow)).one("textarea").value == OUTSIDE
    add_ranges(administrator, observed, OUTSIDE)
    assert scim_from(client, value, OUTSIDE).status_code == 200
    assert f"{OUTSIDE}/32" in ranges_of(observed)


def test_ac_ip_8_the_console_is_open_from_everywhere(administrator, observed):
    make_calls(observed)
    set_mode(administrator, observed, "enforce")
    answer = administrator.post(
        restriction_page(observed, "mode/"), {"mode": "off"}, REMOTE_ADDR="198.51.100.1", follow=True
    )
    observed.refresh_from_db()
    assert answer.status_code == 200 and observed.ip_mode == "off"


def test_ac_ip_11_what_the_caller_claims_has_no_effect(administrator, observed, client):
    _token, value = issue(observed)
    make_calls(observed, source_ip=ENTRA)
    set_mode(administrator, observed, "enforce")
    headers = {"Authorization": f"Bearer {value}", "X-Forwarded-For": ENTRA}
    assert client.get("/scim/Users", headers=headers, REMOTE_ADDR=OUTSIDE).status_code == 403


def test_ac_ip_12_every_change_is_one_event_with_what_came_and_what_went(administrator, observed):
    make_calls(observed)
    add_ranges(administrator, observed, "192.0.2.0/24\n198.51.100.0/24")
    rule = observed.ip_rules.get(cidr="192.0.2.0/24")
    administrator.post(restriction_page(observed, "remove/"), {"range": rule.pk})
    set_mode(administrator, observed, "enforce")
    set_mode(administrator, observed, "enforce")  # idempotent
    confirm_tags(administrator, observed, upload_tags(administrator, observed, service_tags(["40.126.0.0/18"])))
    events = ChangeEvent.objects.filter(provider_id=observed.pk, kind__startswith="ip.").order_by("id")
    assert [(event.kind, event.changes) for event in events] == [
        ("ip.ranges", [{"path": "ranges", "before": [], "after": ["192.0.2.0/24", "198.51.100.0/24"]}]),
        ("ip.ranges", [{"path": "ranges", "before": ["192.0.2.0/24"], "after": []}]),
        ("ip.mode", [{"path": "mode", "before": "observe", "after": "enforce"}]),
        ("ip.ranges", [{"path": "ranges", "before": [], "after": ["40.126.0.0/18"]}]),
    ]
    assert all(event.person_name.startswith("administrator") for event in events)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("20.190.137.45", "Allowed by"),
        ("::ffff:20.190.137.45", "Allowed by"),
        ("52.146.136.12", "Outside the ranges"),
        ("2001:db8::1", "Outside the ranges"),
        ("20.190.137.045", "Enter a valid IP address."),
        ("<b>", "Enter a valid IP address."),
    ],
)
def test_an_address_can_be_checked(administrator, observed, address, said):
    page = read(administrator.get(restriction_page(observed), {"check": address}))
    assert said in page.one(test_id="checked").text and "<b>" not in page.source


def test_the_page_names_the_browsers_address_as_not_entras(administrator, provider):
    page = read(administrator.get(restriction_page(provider), REMOTE_ADDR="203.0.113.9"))
    assert "address is 203.0.113.9" in page.text and "add it only to test by hand" in page.text


def test_matches_of_seven_days_are_counted_per_range(administrator, observed):
    make_calls(observed, count=12, source_ip=ENTRA)
    make_calls(observed, count=5, source_ip=ENTRA, ago=timedelta(days=8))
    page = read(administrator.get(restriction_page(observed)))
    [seen], [allowed] = page.one(test_id="seen").rows, page.one(test_id="ranges").rows
    assert (seen[2], allowed[4]) == ("17", "12")


@pytest.mark.parametrize("tab", ["mode/", "add/", "remove/", "import/"])
def test_ac_role_2_support_changes_no_restriction(support, observed, tab):
    sent = {"mode": "off", "ip_ranges": "192.0.2.0/24", "range": observed.ip_rules.get().pk}
    assert support.post(restriction_page(observed, tab), sent).status_code == 403
    observed.refresh_from_db()
    assert observed.ip_mode == "observe" and ranges_of(observed) == ["20.190.128.0/18"]
    assert ChangeEvent.objects.filter(kind="console.refused", provider_id=observed.pk).count() == 1


def test_ac_role_1_support_sees_the_restriction_and_no_control(support, observed):
    make_calls(observed, source_ip=OUTSIDE)
    page = read(support.get(restriction_page(observed)))
    assert "Would be refused" in page.text and "20.190.128.0/18" in page.text
    for name in ("save-mode", "allow", "paste", "remove", "add-range", "preview", "merge"):
        assert not page.has(test_id=name), name


@pytest.mark.parametrize("count", [1, 120])
def test_the_page_asks_the_same_number_of_queries(administrator, observed, django_assert_num_queries, count):
    for number in range(count):
        IpRule.objects.create(provider=observed, cidr=f"10.0.{number}.0/24")
        make_calls(observed, source_ip=f"10.0.{number}.1")
    assert SourceSeen.objects.count() == count
    # session, account, two-step sign-in, rights, provider, live tokens, seen, ranges, matches; health: activity,
    # counts, tokens
    with django_assert_num_queries(12):
        page = read(administrator.get(restriction_page(observed)))
    assert len(page.all(test_id="remove")) == min(count + 1, 50) and Provider.objects.count() == 1


def test_the_head_names_the_next_step_also_after_an_import(administrator, observed):
    page = set_mode(administrator, observed, "off")
    assert "Observe next" in page.text and "Add allowed ranges and observe first" not in page.text
    observed.ip_rules.all().delete()
    assert "Add allowed ranges and observe first" in set_mode(administrator, observed, "off").text
