"""Providers: list, adding, page (AC-LIST, AC-ADD, AC-PROV)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from providers.console.provider.forms import AddProviderForm, take_suggestion
from providers.console.provider.providers import COLUMNS
from providers.models import ChangeEvent, IpMode, Provider, Token
from tests.factories import issue, make_calls, make_provider, make_user
from tests.pages import read

ADD = "/eum/providers/add/"
DIALOG = {"X-Dialog": "asked"}


def titles_on(page):
    return [row.one("a").text for row in page.all("th", scope="row")]


def test_ac_list_3_without_providers_one_sentence_and_one_button(administrator):
    for path in ("/eum/", "/eum/providers/"):
        page = read(administrator.get(path))
        assert "No providers yet" in page.text and "one directory" in page.text
        assert page.one(test_id="add-provider-empty")
        assert not page.has("table") and not page.has(test_id="add-provider")
        assert page.one("main").has("a", href="/eum/guide/")
    assert "Tenant URL" in read(administrator.get("/eum/guide/")).text
    assert "SCIM connector base URL" in read(administrator.get("/eum/guide/?for=okta")).text


def test_ac_list_4_the_status_is_a_word(administrator, provider):
    paused = make_provider("Fabrikam")
    Provider.objects.filter(pk=paused.pk).update(paused_at=timezone.now())
    make_calls(make_provider("Okta"), ago=timedelta(minutes=12))
    for path in ("/eum/", "/eum/providers/"):
        page = read(administrator.get(path))
        assert "Not connected" in page.text and "Waiting for the first request." in page.text
        assert "Paused" in page.text and "Entra gets 503" in page.text
        assert "Healthy" in page.text and "12\xa0minutes ago" in page.text


def test_ac_list_5_two_hundred_providers(administrator, django_assert_max_num_queries):
    for number in range(200):
        make_provider(f"Provider {number:03}")
    worst = Provider.objects.get(title="Provider 150")
    make_calls(worst, 401)
    make_calls(Provider.objects.get(title="Provider 160"), 409, "POST", count=5)
    Provider.objects.filter(title="Provider 170").update(held_at=timezone.now())
    # session, account, its second factor, rights, providers, activity, counts, whether the log works, the last hour
    # of those that fail, people held back, tokens, people
    with django_assert_max_num_queries(12):
        page = read(administrator.get("/eum/providers/"))
    titles = titles_on(page)
    assert len(titles) == 50
    assert "200 providers" in page.text and "Provider 046" in page.text and "Provider 048" not in page.source
    assert titles.index("Provider 150") < titles.index("Provider 000")  # worst first, then by title
    last = read(administrator.get("/eum/providers/?o=-title&p=4"))
    assert "Provider 000" in titles_on(last) and last.has("a", href="?o=-title&p=3")


@pytest.mark.parametrize("order", list(COLUMNS))
def test_ac_list_5_every_column_sorts_both_ways(administrator, provider, stranger, order):
    make_user(stranger)
    make_calls(stranger, 401)
    Provider.objects.filter(pk=stranger.pk).update(ip_mode="observe")
    issue(stranger, expires_at=timezone.now() + timedelta(days=3))
    pages = [read(administrator.get(f"/eum/providers/?o={sign}{order}")) for sign in ("", "-")]
    firsts = [titles_on(page)[0] for page in pages]
    assert set(firsts) == {"Contoso Entra ID", "Fabrikam"} or order == "last"  # neither ever got in
    assert [page.one("th", aria_sort=True)["aria-sort"] for page in pages] == ["ascending", "descending"]


def test_ac_list_5_nonsense_in_the_address_is_worst_first(administrator, provider):
    assert administrator.get("/eum/providers/?o=drop&p=x").status_code == 200


def test_a_page_beyond_the_last_is_the_last_and_nonsense_is_the_first(administrator):
    for number in range(51):
        make_provider(f"Provider {number:03}")
    assert "Provider 050" in read(administrator.get("/eum/providers/?p=99")).text
    assert "Provider 000" in read(administrator.get("/eum/providers/?p=x")).text


def test_numbers_of_people_are_per_provider(administrator, provider, stranger):
    make_user(provider, "a@contoso.com")
    make_user(provider, "b@contoso.com", active=False)
    page = read(administrator.get(f"/eum/providers/{provider.pk}/"))
    assert "1 disabled" in page.text
    assert "0 disabled" in read(administrator.get(f"/eum/providers/{stranger.pk}/")).text


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
    assert "Line 2: 20.190.137.45/18 has host bits set: did you mean 20.190.128.0/18?" in page.text
    assert page.one(name="use").value == "2:20.190.128.0/18"
    again = read(administrator.post(ADD, {**sent, "use": "2:20.190.128.0/18"}))
    assert again.one("textarea").value == "40.126.0.0/18\n20.190.128.0/18" and not again.has(role="alert")
    assert Provider.objects.count() == 0


@pytest.mark.parametrize(
    ("ranges", "suggestion", "expected"),
    [
        ("a\nb # office\nc", "2:10.0.0.0/8", "a\n10.0.0.0/8 # office\nc"),
        ("a", "7:10.0.0.0/8", "a"),
        ("a", "nonsense", "a"),
        ("", "1:10.0.0.0/8", ""),
    ],
)
def test_ac_add_4_a_suggestion_replaces_its_line_only(ranges, suggestion, expected):
    assert take_suggestion(ranges, suggestion) == expected


def test_ac_add_4_everyone_is_no_restriction(db):
    form = AddProviderForm({"title": "Contoso", "ip_restrict": "on", "ip_ranges": "::/0"})
    assert not form.is_valid()
    assert "allows everyone" in form.errors["ip_ranges"][0]
    assert form.range_errors == [(form.errors["ip_ranges"][0], None)]


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


def test_a_dialog_is_the_same_form_without_the_frame(administrator):
    bare = administrator.get(ADD, headers=DIALOG)
    assert bare["X-Dialog"] == "shown" and not read(bare).has("html") and read(bare).has(test_id="title")
    added = administrator.post(ADD, {"title": "Contoso"}, headers=DIALOG)
    assert (added.status_code, added["X-Location"]) == (204, f"/eum/providers/{Provider.objects.get().pk}/")


def test_ac_prov_1_the_tenant_url_does_not_follow_the_host_header(administrator, provider, settings):
    path = f"/eum/providers/{provider.pk}/"
    assert administrator.get(path, headers={"Host": "evil.example"}).status_code == 400
    page = read(administrator.get(path, headers={"Host": "localhost"}))
    assert page.has("input", value=settings.OPTIONS.scim_url) and "localhost" not in page.source


@pytest.mark.parametrize("pk", [0, 987654321, 10**30])
def test_an_unknown_provider_is_404(administrator, pk):
    assert administrator.get(f"/eum/providers/{pk}/").status_code == 404


def test_a_deleted_provider_has_no_page(administrator, provider):
    Provider.objects.filter(pk=provider.pk).update(deleted_at=timezone.now())
    assert administrator.get(f"/eum/providers/{provider.pk}/").status_code == 404
    page = read(administrator.get("/eum/providers/"))
    assert "Deleted providers" in page.text and not page.has("a", href=f"/eum/providers/{provider.pk}/")


@pytest.mark.parametrize("tab", ["", "tokens/", "ip-restriction/", "history/", "guide/"])
def test_a_provider_page_asks_little(administrator, provider, django_assert_max_num_queries, tab):
    issue(provider)
    make_calls(provider, 204, "PATCH")
    make_calls(provider, 400, "PATCH", count=3)
    # session, account, second factor, rights (2), provider, live tokens, health (4), and what the tab shows (the
    # overview: counts, markers, problems, people, groups)
    with django_assert_max_num_queries(17):
        assert administrator.get(f"/eum/providers/{provider.pk}/{tab}").status_code == 200
