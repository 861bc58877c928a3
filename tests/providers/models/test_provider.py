"""The tables of a provider: titles, ranges as networks, the state of a token, and the queries that its rows share."""

from datetime import timedelta
from ipaddress import ip_network

import pytest
from django.db import IntegrityError
from django.utils import timezone

from providers.models import IpRule, Provider, Resource, Token
from tests.factories import issue, make_provider, make_user

MINUTE = timedelta(minutes=1)


def test_a_title_is_stripped_and_unique_among_live_providers_without_case(provider):
    other = Provider(title="  CONTOSO Entra ID ")
    other.clean_title()
    assert (other.title, other.title_key) == ("CONTOSO Entra ID", provider.title_key)
    Provider.objects.filter(pk=provider.pk).update(deleted_at=timezone.now())
    other.save()
    with pytest.raises(IntegrityError):
        Provider.objects.filter(pk=provider.pk).update(deleted_at=None)


def test_a_deleted_provider_can_be_restored_for_30_days(provider):
    def known(days):
        Provider.objects.update(deleted_at=timezone.now() - timedelta(days=days))
        return Provider.objects.live().count(), Provider.objects.restorable().count()

    assert (known(29), known(31)) == ((0, 1), (0, 0))


@pytest.mark.parametrize("text", ["192.0.2.0/24", "2001:db8::/32"])
def test_a_range_is_a_network(db, text):
    provider = make_provider(ranges=(text,))
    assert IpRule.objects.of(provider).get().cidr == ip_network(text)
    assert IpRule.objects.filter(cidr=ip_network(text)).exists()


@pytest.mark.parametrize(
    ("columns", "state"),
    [
        ({}, "active"),
        ({"suspended_at": -MINUTE}, "suspended"),
        ({"expires_at": MINUTE}, "active"),
        ({"expires_at": -MINUTE, "suspended_at": -MINUTE}, "expired"),
        ({"revoked_at": -MINUTE, "expires_at": -MINUTE}, "revoked"),
    ],
)
def test_the_state_of_a_token_is_what_most_prevents_its_use(provider, columns, state):
    token, _value = issue(provider)
    now = timezone.now()
    Token.objects.filter(pk=token.pk).update(**{name: now + delta for name, delta in columns.items()})
    token.refresh_from_db()
    assert token.state.value == state and token.is_ended is (state in {"expired", "revoked"})
    assert Token.objects.live().filter(pk=token.pk).exists() is not token.is_ended


def test_rows_are_those_of_the_provider_given_as_such_or_by_its_id(provider, stranger):
    own, other = make_user(provider), make_user(stranger)
    assert {row.pk for row in Resource.objects.of(provider)} == {own.pk}
    assert {row.pk for row in Resource.objects.of(provider.pk)} == {own.pk}
    make_user(make_provider())
    known = Resource.objects.of_any([provider.pk, stranger.pk])
    assert {row.pk for row in known} == {own.pk, other.pk}
    assert not Resource.objects.of_any([]).exists()
