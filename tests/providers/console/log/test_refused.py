"""The page of refused requests (AC-REF)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from providers.models import RefusedCalls, RequestLog, Token
from providers.request_log import writer
from providers.tokens import make_value
from tests.factories import issue
from tests.pages import read


def test_ac_ref_1_four_kinds_are_told_apart(support, provider, scim, client):
    revoked, value = issue(provider)
    Token.objects.filter(pk=revoked.pk).update(revoked_at=timezone.now() - timedelta(days=2))
    for authorization in (None, "Bearer nonsense", f"Bearer {value}"):
        client.get("/scim/Users", headers={"Authorization": authorization} if authorization else {})
    provider.ip_mode = "enforce"
    provider.save()
    scim(provider).get("/Users")
    writer.flush()
    page = read(support.get("/eum/refused/"))
    for part in ("No token", "Unknown token", "The token was revoked.", "The address is not allowed.", revoked.shown):
        assert part in page.text, part
    assert f"{timezone.localtime(Token.objects.get(pk=revoked.pk).revoked_at):%-d %b %Y}" in page.text


@pytest.mark.parametrize(
    ("form", "word"),
    [
        ("Bearer {}", "The word Bearer twice"),
        ('"{}"', "A token in quotes"),
        ("{0:.30} {0:.0}", "A token that was cut off or changed"),
        ("{:.20}", "A token that was cut off or changed"),
        ("eyJ0.eyJ1.sig", "A token of Entra's own"),
        ("{}", "A token that is not ours"),
    ],
)
def test_ac_ref_4_the_row_says_what_is_wrong_with_a_token(support, client, form, word):
    sent = form.format(make_value())
    answer = client.get("/scim/Users", headers={"Authorization": f"Bearer {sent}"})
    assert answer.status_code == 401
    writer.flush()
    page = read(support.get("/eum/refused/"))
    assert word in page.text
    assert sent not in page.source


def test_ac_ref_3_nothing_of_an_unknown_token_is_kept(client, db):
    for sent in (make_value(), "eyJ0.eyJ1.sig", "correct-horse"):
        client.get("/scim/Users", headers={"Authorization": f"Bearer {sent}"})
    writer.flush()
    assert {field.name for field in RefusedCalls._meta.fields} == {"id", "address", "hour", "kind", "count"}
    kinds = sorted(RefusedCalls.objects.values_list("kind", flat=True))
    assert kinds == ["jwt", "never-issued", "unknown-token"]
    assert not RequestLog.objects.exists()


def test_ac_ref_4_spaces_inside_a_token(support, client):
    value = make_value()
    client.get("/scim/Users", headers={"Authorization": f"Bearer {value[:20]} {value[20:]}"})
    writer.flush()
    assert "A token with spaces" in read(support.get("/eum/refused/")).text


def test_v30_an_ipv6_subscriber_is_a_row_and_shown_as_such(support):
    for number in range(100):
        writer.count_refusal(f"2001:db8:1:2::{number:x}", timezone.now(), "no-token")
    writer.flush()
    assert RefusedCalls.objects.count() == 1
    assert "2001:db8:1:2::/64" in read(support.get("/eum/refused/")).text


def test_ac_ref_2_a_flood_is_a_row_and_the_page_asks_little(support, provider, django_assert_max_num_queries):
    for _ in range(10_000):
        writer.count_refusal("198.51.100.9", timezone.now(), "unknown-token")
    writer.flush()
    assert RefusedCalls.objects.count() <= 2
    with django_assert_max_num_queries(9):  # session, account, rights (2), counts, groups, providers, tokens
        assert "10,000" in read(support.get("/eum/refused/")).text
