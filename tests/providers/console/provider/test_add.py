"""Adding a provider (AC-ADD)."""

import pytest

from providers.models import ChangeEvent, IpMode, Provider, Token
from tests.pages import read
from tests.providers.console.conftest import ADD


def test_ac_add_2_adding_leads_to_the_page_with_message_and_tenant_url(administrator, settings):
    answer = administrator.post(ADD, {"title": "  Contoso "}, follow=True)
    provider = Provider.objects.get()
    assert answer.redirect_chain == [(f"/eum/providers/{provider.pk}/", 302)]
    page = read(answer)
    assert [said for said in page.all(role="status") if "Provider added" in said.text]
    assert page.has("input", value=settings.OPTIONS.scim_url)
    assert provider.title == "Contoso" and provider.created_by.get_username().startswith("administrator")
    assert ChangeEvent.objects.filter(kind="provider.added", provider_id=provider.pk).count() == 1


@pytest.mark.parametrize("title", ["", "   ", "CONTOSO entra id", "\u200b\u200b", "x" * 101])
def test_ac_add_3_a_title_that_cannot_be_used_is_explained_beside_its_field(administrator, provider, title):
    answer = administrator.post(ADD, {"title": title, "ip_restrict": "on", "ip_ranges": "192.0.2.0/24"})
    page = read(answer)
    assert answer.status_code == 200 and Provider.objects.count() == 1
    field = page.one("input", id="title")
    assert field["aria-invalid"] == "true" and "autofocus" in field.attributes
    assert "title-error" in field["aria-describedby"].split() and page.one(id="title-error")["role"] == "alert"
    assert page.one("textarea", name="ip_ranges").value == "192.0.2.0/24"
    assert "checked" in page.one("input", name="ip_restrict").attributes


def test_ac_add_3_a_title_whose_key_is_too_long_is_no_server_error(administrator):
    assert administrator.post(ADD, {"title": "\ufdfa" * 100}).status_code == 200


def test_ac_add_3_a_taken_title_links_to_its_holder(administrator, provider):
    page = read(administrator.post(ADD, {"title": "contoso entra id"}))
    assert page.one("a", text="Open Contoso Entra ID")["href"] == f"/eum/providers/{provider.pk}/"


def test_ac_add_4_host_bits_are_explained_with_the_range_that_was_meant(administrator):
    sent = {"title": "Contoso", "ip_restrict": "on", "ip_ranges": "40.126.0.0/18\n20.190.137.45/18"}
    page = read(administrator.post(ADD, sent))
    assert "Line 2: 20.190.137.45/18 does not start on a range boundary: did you mean 20.190.128.0/18?" in page.text
    assert page.one(name="use").value == "2:20.190.128.0/18"
    again = read(administrator.post(ADD, {**sent, "use": "2:20.190.128.0/18"}))
    assert again.one("textarea").value == "40.126.0.0/18\n20.190.128.0/18" and not again.has(role="alert")
    assert Provider.objects.count() == 0


def test_three_errors_have_a_summary_with_links(administrator):
    sent = {"title": "", "ip_restrict": "on", "ip_ranges": "192.0.2.1/24\nx"}
    page = read(administrator.post(ADD, sent))
    summary = page.one(test_id="error-summary")
    assert "3 values cannot be saved like this:" in summary.text and "autofocus" in summary.attributes
    assert [link["href"] for link in summary.all("a")] == ["#title", "#ip-ranges", "#ip-ranges"]
    assert "Allowed ranges: Line 2:" in summary.text
    assert all(page.has(id=link["href"][1:]) for link in summary.all("a"))
    many = read(administrator.post(ADD, sent | {"ip_ranges": "x\n" * 40})).one(test_id="error-summary")
    assert "41 values" in many.text and len(many.all("a")) == 10
    assert not read(administrator.post(ADD, sent | {"title": "Contoso"})).has(test_id="error-summary")


def test_ranges_are_first_only_observed_and_count_only_with_the_box_ticked(administrator):
    administrator.post(ADD, {"title": "A", "ip_restrict": "on", "ip_ranges": "192.0.2.0/24 # office\n2001:db8::1"})
    administrator.post(ADD, {"title": "B", "ip_ranges": "not even a range"})
    with_rules, without = Provider.objects.order_by("title_key")
    assert (with_rules.ip_mode, without.ip_mode) == (IpMode.OBSERVE, IpMode.OFF)
    assert sorted(str(rule.cidr) for rule in with_rules.ip_rules.all()) == ["192.0.2.0/24", "2001:db8::1/128"]
    page = read(administrator.get(f"/eum/providers/{with_rules.pk}/ip-restriction/"))
    assert "192.0.2.0/24" in page.text and "IPv6" in page.text and "Observing" in page.text


def test_ac_add_5_markup_in_a_title_is_shown_as_it_is(administrator):
    title = "<img src=x onerror=alert(1)>"
    administrator.post(ADD, {"title": title})
    pk = Provider.objects.get().pk
    for path in ("/eum/", "/eum/providers/", f"/eum/providers/{pk}/", f"/eum/providers/{pk}/tokens/"):
        page = read(administrator.get(path))
        assert "<img src=x" not in page.source and title in page.text, path


def test_ac_add_7_no_token_is_made(administrator):
    administrator.post(ADD, {"title": "Contoso"})
    assert Token.objects.count() == 0


def test_the_message_is_in_a_cookie_of_this_console(administrator, settings):
    cookies = administrator.post(ADD, {"title": "Contoso"}).cookies
    assert settings.MESSAGES_COOKIE_NAME in cookies and "messages" not in cookies
    assert "Provider added" in read(administrator.get("/eum/")).text
    assert "Provider added" not in read(administrator.get("/eum/")).text
