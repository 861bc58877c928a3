"""The pages of alerts: who is told, a test, and what was sent."""

import dataclasses

import pytest
from django.core import mail

from providers.alerts import change_recipients
from providers.events import SYSTEM
from providers.models import INSTALLATION, Alert, AlertSettings, ChangeEvent
from tests.pages import read

HOOK = "https://hooks.slack.com/services/T0/B0/verysecret9876"


@pytest.fixture(autouse=True)
def with_mail(settings):
    settings.OPTIONS = dataclasses.replace(settings.OPTIONS, email_url="smtp://mail.example.com")


def page_of(provider):
    return f"/eum/providers/{provider.pk}/alerts/" if provider else "/eum/alerts/"


@pytest.fixture(params=["provider", "installation"])
def about(request, provider):
    return provider if request.param == "provider" else None


def test_recipients_are_saved_and_the_webhook_is_never_shown_again(administrator, about):
    sent = {"addresses": "a@x.com, b@x.com\n\na@x.com", "webhook": HOOK, "has_digest": "on"}
    page = read(administrator.post(page_of(about), sent, follow=True))
    found = AlertSettings.objects.get(pk=about.pk if about else INSTALLATION)
    assert (found.addresses, found.webhook, found.has_digest) == (["a@x.com", "b@x.com"], HOOK, True)
    assert "https://hooks.slack.com/…9876" in page.text and "verysecret" not in page.source
    administrator.post(page_of(about), {"addresses": "b@x.com"})
    found.refresh_from_db()
    assert (found.addresses, found.webhook, found.has_digest) == (["b@x.com"], HOOK, False)
    administrator.post(page_of(about), {"addresses": "b@x.com", "removes_webhook": "on"})
    found.refresh_from_db()
    assert found.webhook == ""
    audit = read(administrator.get("/eum/audit/"))
    assert "changed who gets alerts about" in audit.text and "verysecret" not in audit.source


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"addresses": "a@x.com\nb"}, "b is not a valid e-mail address."),
        ({"addresses": " ".join(f"a{n}@x.com" for n in range(21))}, "At most 20 addresses."),
        ({"webhook": "http://hooks.slack.com/"}, "must begin with https://"),
        ({"webhook": "https://u:p@hooks.slack.com/"}, "must not have a user name"),
    ],
)
def test_what_cannot_be_told_is_an_error_of_its_field(administrator, about, sent, said):
    response = administrator.post(page_of(about), sent)
    page = read(response)
    [field] = sent
    assert response.status_code == 422 and said in page.one(id=f"{field}-error").text
    assert page.one(id=field)["aria-invalid"] == "true" and not AlertSettings.objects.exists()


def test_a_test_is_sent_at_once_and_shown(administrator, about):
    page = read(administrator.post(f"{page_of(about)}test/", follow=True))
    assert "There are no recipients yet" in page.text
    change_recipients(about, SYSTEM, addresses=["a@x.com"], webhook="https://127.0.0.1/x", has_digest=False)
    page = read(administrator.post(f"{page_of(about)}test/", follow=True))
    assert [message.to for message in mail.outbox] == [["a@x.com"]]
    assert "The test was sent to a@x.com." in page.text
    assert "The test could not be sent to https://127.0.0.1/…: The host has no public address." in page.text
    rows = page.one(test_id="sent-alerts").rows
    assert [row[-1].split(" ")[0] for row in rows] == ["Not", "Sent"]
    assert set(ChangeEvent.objects.filter(kind__startswith="alert.").values_list("kind", flat=True)) == {
        "alert.sent",
        "alert.failed",
    }


def test_others_see_what_was_sent_but_not_to_whom_and_change_nothing(support, about):
    change_recipients(about, SYSTEM, addresses=["a@x.com"], webhook=HOOK, has_digest=False)
    Alert.objects.create(
        provider_id=about.pk if about else 0, key="k", target="a@x.com", subject="It is silent", body="",
        created_at="2026-11-25T10:00Z", next_at="2026-11-25T10:00Z",
    )  # fmt: skip
    page = read(support.get(page_of(about)))
    assert "It is silent" in page.text and "Waiting" in page.text
    assert "a@x.com" not in page.source and "slack" not in page.source and not page.has(test_id="alerts-form")
    for address in (page_of(about), f"{page_of(about)}test/"):
        assert support.post(address, {"addresses": "b@x.com"}).status_code == 403
    assert AlertSettings.objects.get().addresses == ["a@x.com"] and mail.outbox == []


def test_the_home_page_leads_to_the_alerts_of_the_installation(operator):
    assert read(operator.get("/")).one(test_id="alerts")["href"] == "/eum/alerts/"
    assert "Nothing yet." in read(operator.get("/eum/alerts/")).text


def test_the_pages_cost_the_same_with_one_message_and_with_fifty(administrator, django_assert_num_queries, provider):
    def count(number):
        for n in range(number):
            Alert.objects.create(
                provider_id=INSTALLATION, key=f"{number} {n}", target="a@x.com", subject="s", body="",
                created_at="2026-11-25T10:00Z", next_at="2026-11-25T10:00Z",
            )  # fmt: skip
        with django_assert_num_queries(6):  # session, account, its password, rights, recipients, messages
            administrator.get("/eum/alerts/")

    count(1)
    count(50)
