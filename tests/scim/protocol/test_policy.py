"""What a client may get wrong: overlooked by one policy, refused by another."""

from dataclasses import replace

import pytest

from scim.clients import LIBERAL, STRICT, policy_for
from scim.protocol import errors
from scim.protocol.errors import Reason, ScimError
from scim.protocol.policy import Fault, Policy

URN, OTHER = "urn:example:one", "urn:example:other"


def no() -> ScimError:
    return errors.invalid_value("no.")


def test_the_default_overlooks_nothing():
    for fault in Fault:
        with pytest.raises(ScimError):
            Policy().overlook(fault, no)


def test_each_policy_overlooks_a_fault_or_explains_it():
    for fault in Fault:
        LIBERAL.overlook(fault, no)
        with pytest.raises(ScimError) as refused:
            STRICT.overlook(fault, no)
        assert refused.value.reason == Reason.INVALID_VALUE
        assert refused.value.detail == "no." + STRICT.explanations[fault]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"schemas": [URN.upper()]}, None),
        ({"Schemas": [URN]}, None),
        ({"schemas": [URN, "urn:example:allowed"]}, None),
        ({}, Reason.MISSING_SCHEMA),
        ({"schemas": URN}, Reason.MISSING_SCHEMA),
        ({"schemas": [URN, OTHER]}, Reason.FOREIGN_SCHEMA),
    ],
)
def test_a_body_says_what_it_is(body, reason):
    def check(policy):
        policy.check_schemas(body, URN, allowed=["urn:example:allowed"])

    check(LIBERAL)
    if reason is None:
        check(Policy())
    else:
        with pytest.raises(ScimError) as refused:
            check(Policy())
        assert refused.value.reason == reason


def test_the_policy_of_a_provider_is_one_value():
    assert policy_for(frozenset()) is policy_for(frozenset()) == LIBERAL
    on = frozenset({"is_strict", "skips_unknown_members"})
    assert policy_for(on) == replace(STRICT, skips_unknown_members=True)
