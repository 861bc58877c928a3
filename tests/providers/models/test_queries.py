"""The named queries that open each chain about a provider's rows."""

from providers.models import Resource
from tests.factories import make_provider, make_user


def test_rows_are_those_of_the_provider_given_as_such_or_by_its_id(provider, stranger):
    own, other = make_user(provider), make_user(stranger)
    assert {row.pk for row in Resource.objects.of(provider)} == {own.pk}
    assert {row.pk for row in Resource.objects.of(provider.pk)} == {own.pk}
    make_user(make_provider())
    known = Resource.objects.of_any([provider.pk, stranger.pk])
    assert {row.pk for row in known} == {own.pk, other.pk}
    assert not Resource.objects.of_any([]).exists()
