"""Who sees and does what (AC-ROLE)."""

import uuid

import pytest
from django.test import Client

from providers.models import ChangeEvent, Provider, Token
from tests.factories import issue, make_group, make_user
from tests.pages import read

CONTROLS = ("add-provider", "add-provider-empty", "permanent-token", "revoke")


def pages(provider: Provider) -> list[str]:
    jane = make_user(provider, "jane@contoso.com")
    group = make_group(provider, "Editors", members=[jane])
    return [
        "/",
        "/eum/",
        "/eum/providers/",
        f"/eum/providers/{provider.pk}/",
        f"/eum/providers/{provider.pk}/tokens/",
        f"/eum/providers/{provider.pk}/ip-restriction/",
        "/eum/users/",
        f"/eum/users/{jane.pk}/",
        "/eum/groups/",
        f"/eum/groups/{group.pk}/",
    ]


def acts(provider: Provider, token: Token) -> list[str]:
    return [
        "/eum/providers/add/",
        f"/eum/providers/{provider.pk}/tokens/",
        f"/eum/providers/{provider.pk}/tokens/{token.pk}/revoke/",
    ]


@pytest.mark.parametrize("role", ["Support", "Operator"])
def test_ac_role_1_readers_open_every_page_and_find_no_control(signed_in, provider, role):
    issue(provider)
    browser = signed_in(role)
    for path in pages(provider):
        answer = browser.get(path)
        assert answer.status_code == 200, path
        page = read(answer)
        assert not [name for name in CONTROLS if page.has(test_id=name)], path


@pytest.mark.parametrize("role", ["Administrator", "superuser"])
def test_administrators_and_superusers_find_the_controls(signed_in, provider, role):
    issue(provider)
    browser = signed_in(role)
    assert read(browser.get("/eum/")).has(test_id="add-provider")
    tokens = read(browser.get(f"/eum/providers/{provider.pk}/tokens/"))
    assert tokens.has(test_id="permanent-token") and tokens.has(test_id="revoke")


def test_v25_ac_role_2_support_posts_are_refused_and_recorded(support, provider):
    token, _value = issue(provider)
    sent = {"title": "Fabrikam", "request_key": str(uuid.uuid4())}
    for path in acts(provider, token):
        before = ChangeEvent.objects.filter(kind="console.refused").count()
        assert support.post(path, sent).status_code == 403, path
        assert ChangeEvent.objects.filter(kind="console.refused").count() == before + 1, path
        assert support.get(path).status_code in (403, 200)
    assert Provider.objects.count() == 1
    assert list(Token.objects.values_list("revoked_at", flat=True)) == [None]


def test_ac_role_2_a_refusal_names_the_person_the_act_and_the_role_to_ask_for(support, provider):
    answer = support.post(f"/eum/providers/{provider.pk}/tokens/", {}, REMOTE_ADDR="203.0.113.9")
    event = ChangeEvent.objects.get(kind="console.refused")
    assert event.person_name.startswith("support") and event.address == "203.0.113.9"
    assert (event.subject, event.provider_id) == ("to make a token", provider.pk)
    assert str(event.request_id) == answer["X-Request-Id"]
    assert "Administrator" in read(answer).text


def test_ac_role_2_a_post_without_csrf_token_changes_nothing(provider, signed_in):
    browser = signed_in("Administrator")
    browser.handler.enforce_csrf_checks = True
    answer = browser.post("/eum/providers/add/", {"title": "Fabrikam"})
    assert answer.status_code == 403
    assert "no longer valid" in read(answer).text
    assert answer["X-Request-Id"] in read(answer).text
    assert Provider.objects.count() == 1


def test_ac_role_3_anonymous_is_sent_to_sign_in_from_everywhere(client: Client, provider):
    token, _value = issue(provider)
    for path in [*pages(provider), *acts(provider, token), "/nothing/", "/password_change/"]:
        answer = client.get(path)
        assert answer.status_code == 302 and answer["Location"].startswith("/login/?next="), path
    assert client.post("/eum/providers/add/", {"title": "x"}).status_code == 302
    assert Provider.objects.count() == 1


def test_ac_role_3_without_a_role_everything_is_403_and_says_what_to_ask_for(signed_in, provider):
    browser = signed_in(None)
    for path in [*pages(provider), "/nothing/"]:
        answer = browser.get(path)
        assert answer.status_code == 403, path
        assert "Support" in read(answer).text and "Operator" in read(answer).text
        assert "Contoso" not in read(answer).source


def test_ac_role_3_without_a_role_one_can_still_leave(signed_in):
    assert signed_in(None).post("/logout/").status_code == 200
    assert signed_in(None).get("/password_change/").status_code == 200


def test_ac_role_5_synced_pages_post_nothing_but_language_sign_out_and_export(signed_in, provider):
    browser = signed_in("superuser")
    for path in pages(provider):
        if "users" in path or "groups" in path:
            forms = read(browser.get(path)).all("form", method="post")
            actions = [form["action"].partition("?")[0] for form in forms if not form["action"].startswith("/eum/")]
            exports = [form["action"] for form in forms if "/export/" in form["action"]]
            assert actions == ["/language/", "/logout/"] and len(forms) == len(actions) + len(exports), path


def test_pages_are_not_kept_by_the_browser(administrator, provider):
    assert "no-store" in administrator.get(f"/eum/providers/{provider.pk}/")["Cache-Control"]
