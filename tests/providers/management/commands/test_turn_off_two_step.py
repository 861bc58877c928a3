"""`manage.py turn_off_two_step`."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.providers.conftest import give_password, new_browser, turn_on


def test_an_operator_turns_it_off_by_name(annas, anna):
    turn_on(annas, anna)
    call_command("turn_off_two_step", "anna", stdout=StringIO())
    assert give_password(new_browser())["Location"] == "/"
    with pytest.raises(CommandError, match="There is no console account 'nobody'"):
        call_command("turn_off_two_step", "nobody")
