"""How tests run the commands for scripts."""

from io import StringIO

from django.core.management import call_command


def run(*arguments):
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()
