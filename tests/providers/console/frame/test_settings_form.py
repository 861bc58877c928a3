"""Settings that two people change at once: nobody undoes what they have not seen."""

from datetime import UTC, datetime
from ipaddress import ip_network

import pytest

from providers import administration, alerts
from providers.accounts import change_account
from providers.administration import change_provider
from providers.alerts import change_recipients, settings_for
from providers.audit import ChangedMeanwhileError
from providers.events import SYSTEM, Actor
from providers.ip_restriction import add_ranges, set_mode
from providers.models import ChangeEvent, IpMode
from providers.tokens import set_expiry
from tests.factories import browser_of, issue, make_account, make_calls
from tests.pages import IN_DUTCH, provider_page, read

ANNA = Actor(person_name="anna")


def sent_by(page, **changed):
    """What the form on a page sends, with some fields changed; None unticks a box."""
    form = next(field for field in page.all("input") if field["name"].startswith("seen-")).around("form")
    sent = {}
    for field in [*form.all("input"), *form.all("textarea")]:
        kind = field.attributes.get("type", "text")
        if kind in ("checkbox", "radio") and "checked" not in field.attributes:
            continue
        is_empty = field.tag == "input" and "value" not in field.attributes
        sent[field["name"]] = ("on" if kind == "checkbox" else "") if is_empty else field.value
    for menu in form.all("select"):
        sent[menu["name"]] = menu.value
    return {name: value for name, value in {**sent, **changed}.items() if value is not None}


def edit_form(browser, provider):
    page = read(browser.get(provider_page(provider, "edit/"), headers={"X-Dialog": "asked"}))
    return lambda **changed: sent_by(page, **changed)


def save(browser, provider, sent):
    return browser.post(provider_page(provider, "edit/"), sent, headers={"X-Dialog": "asked"})


def test_an_older_form_shows_what_was_changed_by_whom_and_saves_nothing(administrator, provider):
    filled = edit_form(administrator, provider)
    change_provider(provider, ANNA, {"title": "Contoso NL", "is_strict": True})
    page = read(save(administrator, provider, filled(late_after_minutes="120")))
    said = page.one(test_id="meanwhile")
    assert "Title: “Contoso Entra ID” is now “Contoso NL”. (anna, " in said.text and "is now “Yes”" in said.text
    assert "You entered" not in said.text and not said.has(test_id="take-over")
    provider.refresh_from_db()
    assert (provider.title, provider.late_after_minutes) == ("Contoso NL", 90)
    assert save(administrator, provider, sent_by(page)).status_code == 204  # the form now holds both changes
    provider.refresh_from_db()
    assert (provider.title, provider.late_after_minutes, provider.is_strict) == ("Contoso NL", 120, True)


@pytest.mark.parametrize("takes_over", [True, False])
def test_where_both_changed_a_field_the_person_decides(administrator, provider, takes_over):
    filled = edit_form(administrator, provider)
    change_provider(provider, ANNA, {"title": "Contoso NL"})
    page = read(save(administrator, provider, filled(title="Contoso BE", late_after_minutes="120")))
    said = page.one(test_id="meanwhile")
    assert "You entered “Contoso BE”." in said.text
    assert page.one("input", id="title").value == "Contoso BE"
    if takes_over:
        button = said.one(test_id="take-over")
        page = read(save(administrator, provider, sent_by(page, **{button["name"]: button["value"]})))
        assert not page.has(test_id="meanwhile") and page.one("input", id="title").value == "Contoso NL"
    provider.refresh_from_db()
    assert provider.title == "Contoso NL"  # neither button has saved
    assert save(administrator, provider, sent_by(page)).status_code == 204
    provider.refresh_from_db()
    assert (provider.title, provider.late_after_minutes) == ("Contoso NL" if takes_over else "Contoso BE", 120)


def test_a_second_change_while_the_person_decides_is_shown_too(administrator, provider):
    filled = edit_form(administrator, provider)
    change_provider(provider, ANNA, {"title": "Contoso NL"})
    page = read(save(administrator, provider, filled(title="Contoso BE")))
    change_provider(provider, ANNA, {"title": "Contoso LU"})
    page = read(save(administrator, provider, sent_by(page)))
    assert "“Contoso NL” is now “Contoso LU”" in page.one(test_id="meanwhile").text
    assert ChangeEvent.objects.filter(kind="provider.changed").count() == 2


def test_what_others_changed_to_the_same_needs_no_decision(administrator, provider):
    filled = edit_form(administrator, provider)
    change_provider(provider, ANNA, {"title": "Contoso NL", "skips_unknown_members": True})
    page = read(save(administrator, provider, filled(title="Contoso NL", skips_unknown_members="on")))
    assert page.has(test_id="meanwhile") and not page.has(test_id="take-over")


def test_a_script_that_sends_the_fields_alone_is_not_stopped(administrator, provider):
    sent = {name: value for name, value in edit_form(administrator, provider)().items() if not name.startswith("seen-")}
    change_provider(provider, ANNA, {"title": "Contoso NL"})
    assert save(administrator, provider, sent).status_code == 204
    provider.refresh_from_db()
    assert provider.title == "Contoso Entra ID"


@pytest.mark.parametrize("odd", ["\0", "x" * 10_000, "<script>", "9" * 500])
def test_odd_values_that_a_form_says_it_had_shown_are_a_change_like_any_other(administrator, provider, odd):
    sent = edit_form(administrator, provider)() | {"seen-title": odd, "seen-is_strict": odd, "seen-removal_limit": odd}
    page = read(save(administrator, provider, sent | {"take_over": f"{odd},title"}))
    assert page.has(test_id="meanwhile") and "<script>" not in page.one(test_id="meanwhile").text.replace(
        "“<script>”", ""
    )


def test_a_change_between_reading_and_locking_is_noticed(provider, monkeypatch, administrator):
    """The other transaction commits after the page has read the provider: the lock finds what is no longer so."""
    filled = edit_form(administrator, provider)
    act = administration.change_provider

    def change_late(*args, **options):
        monkeypatch.setattr(administration, "change_provider", act)
        act(provider, ANNA, {"title": "Contoso NL"})
        act(*args, **options)

    monkeypatch.setattr(administration, "change_provider", change_late)
    page = read(save(administrator, provider, filled(title="Contoso BE")))
    assert "is now “Contoso NL”" in page.one(test_id="meanwhile").text


def test_the_alerts_of_a_provider_keep_what_a_colleague_added(administrator, provider):
    address = provider_page(provider, "alerts/")
    page = read(administrator.get(address))
    change_recipients(provider, ANNA, addresses=["a@x.com"], webhook="https://127.0.0.1/secret-hook", has_digest=True)
    answer = administrator.post(address, sent_by(page, addresses="b@x.com"))
    page = read(answer)
    said = page.one(test_id="meanwhile").text
    assert answer.status_code == 409 and "“empty” is now “a@x.com”. (anna, " in said and "You entered “b@x.com”" in said
    assert "Webhook" in said and "secret-hook" not in page.source
    assert administrator.post(address, sent_by(page, addresses="a@x.com\r\nb@x.com")).status_code == 302
    held = settings_for(provider)
    assert (held.addresses, held.webhook, held.has_digest) == (
        ["a@x.com", "b@x.com"],
        "https://127.0.0.1/secret-hook",
        True,
    )


def test_the_alerts_of_the_installation_and_an_account_are_watched_too(administrator):
    page = read(administrator.get("/eum/alerts/"))
    change_recipients(None, ANNA, addresses=["a@x.com"], webhook="", has_digest=False)
    again = read(administrator.post("/eum/alerts/", sent_by(page, has_digest="on")))
    assert "(anna, " in again.one(test_id="meanwhile").text
    account = make_account("Support", first_name="Ben")
    page = read(administrator.get(f"/accounts/{account.pk}/"))
    change_account(account, ANNA, role="Operator", first_name="Ben", last_name="de Wit", email="")
    again = read(administrator.post(f"/accounts/{account.pk}/", sent_by(page, first_name="Benjamin")))
    assert "(anna, " in again.one(test_id="meanwhile").text and "de Wit" in again.one(test_id="meanwhile").text
    assert administrator.post(f"/accounts/{account.pk}/", sent_by(again)).status_code == 302
    account.refresh_from_db()
    assert (account.first_name, account.last_name) == ("Benjamin", "de Wit")


@pytest.mark.parametrize(
    "act",
    [
        lambda provider, account: change_provider(provider, SYSTEM, {"title": "x"}, seen={"title": "not this"}),
        lambda provider, account: change_account(account, SYSTEM, role="Support", seen={"role": "Operator"}),
        lambda provider, account: change_recipients(
            provider,
            SYSTEM,
            addresses=[],
            webhook="",
            has_digest=False,
            seen=alerts.AlertSettings(pk=provider.pk, addresses=["a@x.com"]),
        ),
    ],
)
def test_no_act_overwrites_what_was_not_seen(provider, act):
    before = ChangeEvent.objects.count()
    with pytest.raises(ChangedMeanwhileError):
        act(provider, make_account("Support"))
    assert ChangeEvent.objects.count() == before


def test_the_notice_is_dutch_for_dutch_readers(provider):
    browser = browser_of(make_account("Administrator"))
    filled = edit_form(browser, provider)
    change_provider(provider, ANNA, {"title": "Contoso NL"})
    headers = IN_DUTCH | {"X-Dialog": "asked"}
    page = read(browser.post(provider_page(provider, "edit/"), filled(), headers=headers))
    assert "is nu “Contoso NL”" in page.one(test_id="meanwhile").text


def test_the_mode_of_an_ip_restriction_is_not_changed_from_an_older_page(administrator, provider):
    page = read(administrator.get(provider_page(provider, "ip-restriction/")))
    set_mode(provider, IpMode.OBSERVE, ANNA)
    path = provider_page(provider, "ip-restriction/mode/")
    again = read(administrator.post(path, sent_by(page, mode="enforce"), headers={"X-Dialog": "asked"}))
    said = again.one(test_id="meanwhile").text
    assert "IP restriction: “Off” is now “Observing”. (anna, " in said and "You entered “Enforced”." in said
    provider.refresh_from_db()
    assert provider.ip_mode == IpMode.OBSERVE and again.one("input", checked=True)["value"] == "enforce"
    taken = read(administrator.post(path, sent_by(again, take_over="mode"), headers={"X-Dialog": "asked"}))
    assert taken.one("input", checked=True)["value"] == "observe"
    administrator.post(path, sent_by(again, mode="off"))  # what the person decided, having seen it
    provider.refresh_from_db()
    assert provider.ip_mode == IpMode.OFF
    with pytest.raises(ChangedMeanwhileError):
        set_mode(provider, IpMode.OBSERVE, ANNA, seen="enforce")


def test_enforcing_is_confirmed_for_the_mode_that_was_seen(administrator, provider):
    add_ranges(provider, {ip_network("192.0.2.0/24"): ""}, ANNA)
    make_calls(provider, source_ip="203.0.113.9")
    page = read(administrator.get(provider_page(provider, "ip-restriction/")))
    path = provider_page(provider, "ip-restriction/mode/")
    asked = read(administrator.post(path, sent_by(page, mode="enforce")))
    set_mode(provider, IpMode.OBSERVE, ANNA)
    sent = sent_by(asked, understood="on")
    assert read(administrator.post(path, sent)).has(test_id="meanwhile")
    set_mode(provider, IpMode.OFF, ANNA)
    administrator.post(path, sent)
    provider.refresh_from_db()
    assert provider.ip_mode == IpMode.ENFORCE


def test_the_expiry_of_a_token_is_not_changed_from_an_older_dialog(administrator, provider):
    token, _value = issue(provider)
    path = provider_page(provider, f"tokens/{token.pk}/expiry/")
    page = read(administrator.get(path))
    set_expiry(token, ANNA, expires_at=datetime(2030, 5, 6, 22, tzinfo=UTC))
    again = read(administrator.post(path, sent_by(page, last_day="2031-01-31"), headers={"X-Dialog": "asked"}))
    said = again.one(test_id="meanwhile").text
    assert "Last day: “empty” is now “2030-05-06”. (anna, " in said and "You entered “2031-01-31”." in said
    token.refresh_from_db()
    assert token.expires_at.year == 2030 and again.one(test_id="last-day").value == "2031-01-31"
    administrator.post(path, sent_by(again))
    token.refresh_from_db()
    assert token.expires_at.isoformat() == "2031-01-31T23:00:00+00:00"
    with pytest.raises(ChangedMeanwhileError):
        set_expiry(token, ANNA, expires_at=None, seen={"expires_at": None})
