"""Ids: reading them, and bounds by time."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone
from uuid_utils.compat import uuid7

from providers.ids import exact_id, first_id_at, parse_id

ID = "01890a5d-ac96-774b-bcce-b302099a8057"


@pytest.mark.parametrize("text", [ID, ID.upper()])
def test_an_id_is_read_in_either_case(text):
    assert parse_id(text) == UUID(ID)


def test_an_id_of_a_client_is_exact():
    assert exact_id(ID) == UUID(ID)
    assert exact_id(ID.upper()) is None
    assert exact_id("x") is None


@pytest.mark.parametrize("text", ["", "x", ID[:-1], ID.replace("-", ""), f"{{{ID}}}", f"urn:uuid:{ID}", f" {ID}"])
def test_no_other_text_is_an_id(text):
    assert parse_id(text) is None


def test_an_id_of_now_lies_between_the_bounds_of_its_time():
    now = timezone.now()
    assert first_id_at(now - timedelta(seconds=1)) < uuid7() < first_id_at(now + timedelta(seconds=1))
