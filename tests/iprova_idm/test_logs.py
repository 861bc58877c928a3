"""What the process log may hold."""

import logging
import sys

from django.db import IntegrityError
from psycopg.errors import UniqueViolation

from iprova_idm.process_log import Formatter
from providers.tokens import make_value

FORMATTER = Formatter("%(levelname)s %(message)s")


def line_of(message, *arguments, error=None):
    return FORMATTER.format(logging.LogRecord("x", logging.ERROR, "x.py", 1, message, arguments, error))


def test_v49_a_line_has_no_token_and_no_address():
    value = make_value()
    line = line_of("GET /scim/%s/Users?filter=userName eq %s", value, '"jane.doe@contoso.com"')
    assert value[8:] not in line and "jane" not in line
    assert "jane" not in line_of("/scim/Users/jane.doe%%40contoso.com".replace("%%", "%"))


def test_v49_a_traceback_has_no_text_of_the_database():
    quoted = "jan" + "e"  # tracebacks show lines of the source
    try:
        try:
            raise UniqueViolation(f"Key (user_name_key)=({quoted}) already exists.")
        except UniqueViolation as error:
            raise IntegrityError(f"duplicate: {quoted}") from error
    except IntegrityError:
        try:
            raise KeyError("code")
        except KeyError:
            line = line_of("failed", error=sys.exc_info())
    assert quoted not in line
    assert "UniqueViolation" in line and "IntegrityError" in line and "KeyError: 'code'" in line
    assert line.count("Traceback") == 3


def test_v49_the_server_logs_with_it(settings):
    assert settings.LOGGING["formatters"]["line"]["()"] == "iprova_idm.process_log.Formatter"
    assert {handler["formatter"] for handler in settings.LOGGING["handlers"].values()} == {"line"}
