"""Tokens: their shape, at most two live ones, once per form."""

import re
from uuid import uuid4

import pytest
from django.utils import timezone

from providers.events import SYSTEM
from providers.models import ChangeEvent, Token
from providers.tokens import AlreadyIssuedError, TooManyTokensError, is_well_formed, make_value, revoke_token
from tests.factories import issue


def test_ac_tok_1_shape_and_checksum():
    value = make_value()
    assert re.fullmatch(r"ipr_[A-Za-z0-9_-]{49}", value)
    assert is_well_formed(value)
    other = "A" if value[20] != "A" else "B"
    assert not is_well_formed(value[:20] + other + value[21:])
    assert not is_well_formed(value[:-1])


def test_ac_tok_13_at_most_two_live_tokens(provider):
    first, _ = issue(provider)
    issue(provider)
    with pytest.raises(TooManyTokensError):
        issue(provider)
    revoke_token(first, SYSTEM)
    issue(provider)
    Token.objects.filter(provider=provider, revoked_at=None).update(expires_at=timezone.now())
    assert Token.objects.count() == 3


def test_ac_tok_5_a_form_sent_twice_makes_one_token(provider):
    key = uuid4()
    issue(provider, request_key=key)
    with pytest.raises(AlreadyIssuedError):
        issue(provider, request_key=key)
    assert Token.objects.count() == 1


def test_issuing_and_revoking_are_events_without_the_value(provider):
    token, value = issue(provider)
    revoke_token(token, SYSTEM)
    revoke_token(token, SYSTEM)
    events = ChangeEvent.objects.filter(kind__startswith="token.").order_by("id")
    assert [event.kind for event in events] == ["token.issued", "token.revoked"]
    assert value[8:-4] not in repr(list(events.values()))
