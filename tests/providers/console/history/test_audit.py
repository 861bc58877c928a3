"""The audit of admin actions (AC-AUD)."""

import pytest
from django.test import Client

from providers.administration import add_provider
from providers.events import SYSTEM, EventKind
from providers.models import ChangeEvent
from providers.schemas import add_schema
from providers.tokens import revoke_token
from tests.factories import browser_of, issue, make_account, make_user
from tests.pages import read
from tests.providers.console.conftest import rows_of


def kinds():
    return list(ChangeEvent.objects.order_by("id").values_list("kind", flat=True))


ACTS = {
    EventKind.PROVIDER_ADDED: lambda b, p: b.post("/eum/providers/add/", {"title": "Fabrikam"}),
    EventKind.TOKEN_ISSUED: lambda b, p: b.post(f"/eum/providers/{p.pk}/tokens/", {"request_key": "0" * 32}),
    EventKind.TOKEN_REVOKED: lambda b, p: b.post(f"/eum/providers/{p.pk}/tokens/{issue(p)[0].pk}/revoke/"),
    EventKind.SCHEMA_ADDED: lambda b, p: add_schema(p, {"id": "urn:example:a", "attributes": [{"name": "a"}]}, SYSTEM),
    EventKind.FILTER_SHARED: lambda b, p: b.post(
        "/eum/users/filters/save/", {"name": "x", "query": "status=disabled", "is_shared": "on"}
    ),
    EventKind.EXPORTED: lambda b, p: rows_of(b, "/eum/users/export/"),
    EventKind.SIGNED_OUT: lambda b, p: b.post("/logout/"),
    EventKind.SIGNED_IN: lambda b, p: b.post("/login/", {"username": "anna", "password": "correct horse battery"}),
    EventKind.SIGN_IN_FAILED: lambda b, p: b.post("/login/", {"username": "anna", "password": "wrong"}),
}


@pytest.mark.parametrize("kind", ACTS)
def test_ac_aud_1_each_act_is_exactly_one_row_and_the_page_tells_it(administrator, provider, kind):
    make_account("Administrator", username="anna")
    before = kinds()
    browser = Client(headers={"Host": "127.0.0.1"}) if "sign-in" in kind or "signed-in" in kind else administrator
    ACTS[kind](browser, provider)
    assert kinds()[len(before) :].count(kind.value) == 1
    reader = browser_of(make_account("Operator"))
    page = reader.get(f"/eum/audit/?action={kind.value}")
    assert [act.event.kind for act in page.context["acts"]] == [kind.value] * kinds().count(kind.value)


def test_ac_aud_1_what_was_refused_is_a_row_too(support, administrator, provider):
    assert support.post("/eum/providers/add/", {"title": "x"}).status_code == 403
    page = read(administrator.get("/eum/audit/?action=console.refused"))
    assert "and was refused" in page.text


def test_ac_aud_2_no_secret_is_in_any_row(administrator, provider):
    token, value = issue(provider)
    revoke_token(token, SYSTEM)
    page = read(administrator.get("/eum/audit/"))
    exported = str(rows_of(administrator, "/eum/audit/export/"))
    for text in (page.source, exported):
        assert value not in text and value[8:-4] not in text and token.digest.hex() not in text


def test_ac_aud_4_filters_add_up_and_an_unknown_value_finds_nothing(administrator, provider, db):
    other = add_provider("Other", SYSTEM)
    for query, wanted in (
        (f"provider={other.pk}", ["provider.added"]),
        (f"provider={other.pk}&action=token.issued", []),
        ("action=nonsense", []),
        ("person=x", []),
        ("person=99999999999999999999", []),
        ("period=24&action=provider.added", ["provider.added", "provider.added"]),
        ("period=9", []),
    ):
        page = administrator.get(f"/eum/audit/?{query}")
        assert [act.event.kind for act in page.context["acts"]] == wanted, query
        assert len(rows_of(administrator, f"/eum/audit/export/?{query}")) == 1 + len(wanted)


def test_the_audit_leaves_out_what_directories_sent(administrator, provider):
    make_user(provider)
    page = administrator.get("/eum/audit/")
    assert "resource.created" not in {act.event.kind for act in page.context["acts"]}


@pytest.mark.parametrize(("role", "status"), [("Administrator", 200), ("Operator", 200), ("Support", 403)])
def test_ac_role_1_the_audit_is_for_administrators_and_operators(signed_in, provider, role, status):
    browser = signed_in(role)
    assert browser.get("/eum/audit/").status_code == status
    assert read(browser.get("/eum/")).has("a", href="/eum/audit/") is (status == 200)


def test_the_page_asks_little(administrator, provider, django_assert_max_num_queries):
    for number in range(60):
        add_provider(f"Provider {number}", SYSTEM)
    # session, account, two-step sign-in, rights (2), accounts, providers of the menu, count, page, and its providers
    with django_assert_max_num_queries(10):
        page = administrator.get("/eum/audit/")
    assert len(page.context["acts"]) == 50 and page.context["page"].older
