"""How tests run the commands for scripts."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from iprova_idm.management.catalogue import load
from providers.models import ChangeEvent


def run(*arguments):
    """Run a command and return what it prints."""
    out = StringIO()
    call_command(*map(str, arguments), stdout=out)
    return out.getvalue()


def ask(*arguments):
    """Run a command with --json and return the answer, which has exactly the fields that the command declares."""
    answer = json.loads(run(*arguments, "--json"))
    for one in answer if isinstance(answer, list) else [answer]:
        assert list(one) == list(load(arguments[0]).fields)
    return answer


def refusal(*arguments):
    """Run a command that cannot do what it is asked for. Return its exit code and the sentence."""
    before = ChangeEvent.objects.count()
    with pytest.raises(CommandError) as refused:
        run(*arguments)
    assert ChangeEvent.objects.count() == before
    return refused.value.returncode, str(refused.value)


def acts():
    """Return the kinds of all acts of the command line, in their order."""
    events = ChangeEvent.objects.filter(person_name__startswith="manage.py (").order_by("id")
    return list(events.values_list("kind", flat=True))
