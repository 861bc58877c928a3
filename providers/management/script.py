"""The base of the commands that scripts run instead of using the console.

A command names what it is about, calls the function that the console calls too, and returns what there is to print.
All else is here: finding a provider or a token, JSON, texts in English, the actor in the audit, and exit codes.
"""

import argparse
import getpass
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from html import unescape
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import ProgrammingError
from django.forms import Form
from django.utils.html import strip_tags
from django.utils.translation import override

from providers.accounts import LastManagerError, OwnAccountError, accounts
from providers.administration import NoRangesError, TitleTakenError
from providers.events import Actor
from providers.ip_restriction import CannotEnforceError, TooManyRangesError, UncoveredError
from providers.ip_rules import MAX_RANGES, Network, RangeProblem, read_range
from providers.models import ClientSecret, OAuthClient, Provider, Token
from providers.oauth import TooManyClientsError
from providers.outgoing import OutgoingError
from providers.plain_text import one_line
from providers.removal_decisions import StaleDecisionError
from providers.service_tags import ServiceTagsError
from providers.signing_keys import KeySetError
from providers.tokens import NotLiveError, TooManyTokensError
from scim.protocol.definitions import DefinitionError
from scim.protocol.values import comparison_key


class Exit(IntEnum):
    """The exit codes of all commands. A row is `value, meaning`."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> "Exit":
        code = int.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        return code

    DONE = 0, "Done, or there was nothing left to do."
    FAILED = 1, "It failed, or what was given cannot be used. Nothing was changed."
    USAGE = 2, "An argument is missing, unknown or cannot be read. Nothing was changed."
    NOT_FOUND = 3, "There is no such provider, token, user, account or range, or the name fits several."
    CONFLICT = 4, "The present state does not allow it: a title is taken, a token has ended, a decision is stale."
    ATTENTION = 5, "`list_providers --check`: at least one provider needs attention."


# The value of each field of an answer, by its name in JSON.
Fields = Mapping[str, Callable[[Any], Any]]


def _cannot_enforce(error: CannotEnforceError) -> str:
    return {
        "no-ranges": "There would be no allowed range: add some, or turn the restriction off.",
        "everyone": "The ranges would allow every address: leave some out, or turn the restriction off.",
        "nothing-seen": "No request has arrived yet, so nobody knows what would be refused: start with observe.",
    }[error.reason]


def _uncovered(error: UncoveredError) -> str:
    seen = ", ".join(found.address for found in error.seen[:10])
    return f"{len(error.seen)} addresses of the last week are in no allowed range: {seen}. Add --refuse-seen to refuse."


# What a function of the domain raises: the exit code and the sentence.
REFUSALS: Mapping[type[Exception], tuple[Exit, Callable[[Any], str]]] = {
    TitleTakenError: (Exit.CONFLICT, lambda _: "There is already a provider with this title."),
    NoRangesError: (Exit.USAGE, lambda _: "--ip enforce needs --allow with ranges that do not allow every address."),
    TooManyTokensError: (Exit.CONFLICT, lambda _: "The provider has two live tokens: revoke one first (revoke_token)."),
    NotLiveError: (Exit.CONFLICT, lambda _: "It is revoked or expired, or has no secrets; nothing was changed."),
    CannotEnforceError: (Exit.CONFLICT, _cannot_enforce),
    UncoveredError: (Exit.CONFLICT, _uncovered),
    TooManyRangesError: (Exit.CONFLICT, lambda _: f"A provider can have at most {MAX_RANGES:,} ranges."),
    TooManyClientsError: (Exit.CONFLICT, lambda _: "The provider has two live clients: revoke one first."),
    OutgoingError: (Exit.USAGE, lambda error: f"--jwks-url: {error}"),
    KeySetError: (Exit.FAILED, lambda _: "--jwks-file is not a JWK Set with public keys that have ids."),
    StaleDecisionError: (Exit.CONFLICT, lambda _: "There is nothing to decide in that way: see show_removals."),
    LastManagerError: (Exit.CONFLICT, lambda _: "Nobody else could manage accounts: make another Administrator first."),
    OwnAccountError: (Exit.CONFLICT, lambda _: "An account cannot take its own access away."),
    ServiceTagsError: (Exit.FAILED, str),
    DefinitionError: (
        Exit.FAILED,
        lambda error: "\n".join(
            ["This is not a schema extension; nothing was changed:"]
            + [one_line(str(problem), 500) for problem in error.problems]
        ),
    ),
}

_NO_TABLES = (
    "This database has no tables yet. Start the server once (make run), or run manage.py migrate; a script "
    "needs the same DATA_DIR or DATABASE_URL, HOST, PORT and PUBLIC_URL as the server."
)


class ScriptCommand(BaseCommand):
    """A command for scripts: `act` does it and returns what to print, a thing or a list of things with `fields`.

    `subject` is what the command is about. `act` gets it as `provider`, `token` or `client`, already found.
    """

    fields: Fields = {}
    subject = ""  # "provider", "token" or "client"
    # Each command names the options that it uses as arguments, and takes the others as `**options`.
    act: Callable[..., Any]

    def add_arguments(self, parser: CommandParser) -> None:
        if self.subject == "client":
            parser.add_argument("client", metavar="CLIENT_ID", help="the id of the OAuth client")
        elif self.subject:
            parser.add_argument("provider", help="title or id of the provider")
        if self.subject == "token":
            parser.add_argument(
                "token",
                nargs="?",
                help="its label, or its first or last characters; the default is the only live token",
            )
        self.add_own_arguments(parser)
        if self.fields:
            parser.add_argument("--json", action="store_true", help="print JSON")

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Add the arguments of this command only."""

    def handle(self, *args: Any, **options: Any) -> None:
        with override("en"):
            try:
                answer = self.act(**self._found(options))
            except tuple(REFUSALS) as error:
                code, say = REFUSALS[type(error)]
                raise CommandError(say(error), returncode=code) from error
            except ProgrammingError as error:
                raise CommandError(_NO_TABLES) from error
            if self.fields:
                self.stdout.write(self._shown(answer, is_json=options["json"]))

    def _found(self, options: dict[str, Any]) -> dict[str, Any]:
        if self.subject == "client":
            options["client"] = find_client(options["client"])
        elif self.subject:
            options["provider"] = find_provider(options["provider"])
        if self.subject == "token":
            options["token"] = find_token(options["provider"], options["token"])
        return options

    def _shown(self, answer: Any, *, is_json: bool) -> str:
        if isinstance(answer, list):
            rows = [self._values(one) for one in answer]
            return json.dumps(rows, indent=2, ensure_ascii=False) if is_json else table(list(self.fields), rows)
        values = self._values(answer)
        return json.dumps(values, ensure_ascii=False) if is_json else "\n".join(lines(values))

    def _values(self, one: Any) -> dict[str, Any]:
        return {name: plain(value(one)) for name, value in self.fields.items()}


def plain(value: Any) -> Any:
    """Return a value as JSON has it: moments in UTC, and all that JSON has no form for as text."""
    if isinstance(value, bool | int | float | None):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return str(value)


def sentence(html: object) -> str:
    """Return a sentence of a page as plain text on one line."""
    return one_line(unescape(strip_tags(str(html))), 2_000)


def table(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as text in columns; the last column may be as long as it is."""
    cells = [list(names), *([_cell(row[name]) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in cells)


def lines(values: Mapping[str, Any], indent: str = "") -> Iterable[str]:
    """Yield each value as a line `name: value`; those of a list or of an object follow, indented."""
    for name, value in values.items():
        if value and isinstance(value, Mapping):
            yield f"{indent}{name}:"
            yield from lines(value, f"{indent}  ")
        elif value and isinstance(value, list):
            yield f"{indent}{name}:"
            for part in value:
                yield f"{indent}  - {_cell(part)}"
        else:
            yield f"{indent}{name}: {_cell(value)}"


def _cell(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_cell(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(_cell, value))
    return one_line(str(value), 2_000)


def actor() -> Actor:
    """Return who runs the command, as the audit names them: manage.py and the account of the operating system."""
    try:
        name = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number without a name
        name = f"uid {os.getuid()}"
    return Actor(person_name=f"manage.py ({one_line(name, 100)})")


def not_found(said: str) -> CommandError:
    return CommandError(said, returncode=Exit.NOT_FOUND)


def find_provider(name: str, known: Any = None) -> Provider:
    """Return the provider with this title or id, of `known` or else of the live ones. Raises `CommandError`."""
    known = Provider.objects.live() if known is None else known
    found: Provider | None = known.filter(title_key=comparison_key(name)).first()
    if found is None and _is_id(name):
        found = known.filter(pk=int(name)).first()
    if found is None:
        raise not_found(f"There is no provider {name!r}.")
    return found


def _is_id(name: str) -> bool:
    return name.isascii() and name.isdigit() and len(name) < 19


def find_token(provider: Provider, name: str | None) -> Token:
    """Return the token of a provider with this label or these characters; without a name, the only live one.

    A name that fits several means the one that is live. Raises `CommandError`.
    """
    known = list(provider.tokens.permanent().select_related("replaced_by").order_by("pk"))
    fits = [token for token in known if name is None or _is_named(token, name)]
    live = [token for token in fits if not token.is_ended]
    found = live if len(live) == 1 or name is None else fits
    if len(found) == 1:
        return found[0]
    those = "; ".join(f"{token.label} ({token.shown}, {token.state.value})" for token in found or known)
    said = f"{len(found)} tokens" if found else "no token" if name else "no live token"
    raise not_found(f"{one_line(provider.title)} has {said}{f' {name!r}' if name else ''}. Known: {those or 'none'}")


def _is_named(token: Token, name: str) -> bool:
    parts = (comparison_key(token.label), token.prefix, token.last4, token.shown)
    return comparison_key(name) == parts[0] or name in parts[1:]


def find_client(client_id: str) -> OAuthClient:
    """Return the OAuth client with this id, of a provider that is not deleted. Raises `CommandError`."""
    known = OAuthClient.objects.select_related("provider").filter(provider__deleted_at=None)
    found = known.filter(client_id=client_id).first()
    if found is None:
        raise not_found(f"There is no OAuth client {client_id!r}.")
    return found


def find_secret(client: OAuthClient, beginning: str) -> ClientSecret:
    """Return the secret of a client that begins so; its first eight characters are known. Raises `CommandError`."""
    known = list(client.secrets.order_by("pk"))
    found = [secret for secret in known if beginning.startswith(secret.prefix)]
    if len(found) != 1:
        names = ", ".join(secret.shown for secret in known) or "none"
        raise not_found(f"No secret, or several, begins with {beginning[:8]!r}. Known: {names}")
    return found[0]


def find_account(username: str) -> Any:
    """Return the console account with this name. Raises `CommandError`."""
    found = accounts().filter(username=username).first()
    if found is None:
        raise not_found(f"There is no console account {username!r}.")
    return found


def checked(form: Form) -> dict[str, Any]:
    """Return the values of a form of the console. Raises `CommandError` with what is wrong in each field."""
    if form.is_valid():
        return form.cleaned_data
    problems = [f"{name}: {error}" for name, errors in form.errors.items() for error in errors]
    raise CommandError("\n".join(problems), returncode=Exit.USAGE)


def network(text: str) -> Network:
    """Read an address range, for `type=` of an argument."""
    with override("en"):  # arguments are read before `handle` sets the language
        found = read_range(text)
    if isinstance(found, RangeProblem):
        raise argparse.ArgumentTypeError(found.reason)
    return found


def hours(text: str) -> timedelta:
    """Read a number of hours, for `type=` of an argument."""
    if not re.fullmatch("[0-9]{1,5}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of hours")
    return timedelta(hours=int(text))


_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def span(text: str) -> timedelta:
    """Read a length of time such as `30m`, `24h` or `7d`, or `none`, for `type=` of an argument."""
    if text == "none":
        return timedelta()
    found = re.fullmatch(r"([0-9]{1,4})([mhd])", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a length of time such as 30m, 24h or 7d")
    return int(found[1]) * _UNITS[found[2]]


def last_day(text: str) -> str:
    """Read a day such as `2027-03-31`, or `never`, for `type=` of an argument. `ExpiryForm` reads the result."""
    if text == "never":
        return ""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day such as 2027-03-31, and not never") from None


def read_file(path: Path, most: int) -> bytes:
    """Return the content of a file of at most `most` bytes. Raises `CommandError`."""
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
    if len(content) > most:
        raise CommandError(f"{path} has more than {most:,} bytes.")
    return content
