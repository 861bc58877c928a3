"""The table of switches is complete, and a switch that is on reaches the protocol's policy."""

from dataclasses import fields

from django.db import models

from providers.models import Provider
from providers.switches import SWITCHES
from providers.tokens import find_caller
from scim.clients import LIBERAL, STRICT, policy_for
from scim.protocol.policy import Policy
from tests.factories import issue, make_provider


def test_every_boolean_column_of_a_provider_is_a_switch():
    columns = {field.name for field in Provider._meta.get_fields() if isinstance(field, models.BooleanField)}
    assert columns == set(SWITCHES)


def test_every_switch_but_strict_is_a_field_of_the_policy():
    assert set(SWITCHES) - {"is_strict"} <= {field.name for field in fields(Policy)}


def test_the_caller_brings_the_switches_that_are_on(db):
    for name in SWITCHES:
        _, value = issue(make_provider(f"With {name}", **{name: True}))
        assert find_caller(value, "127.0.0.1").switches == [name]
    _, value = issue(make_provider("With none"))
    assert find_caller(value, "127.0.0.1").switches == []


def test_a_policy_follows_from_the_switches():
    assert policy_for(frozenset()) == LIBERAL
    assert policy_for(frozenset({"is_strict"})) == STRICT
    assert policy_for(frozenset({"skips_unknown_members"})).skips_unknown_members
