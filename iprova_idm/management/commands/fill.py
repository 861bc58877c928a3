"""`manage.py fill PROVIDER --users 100000` fills a provider with generated users and groups, to measure or to test.

The logic: `scim.store.generated` makes the columns, `providers.resources.copying` writes them. All of it is one
transaction: a command that is stopped leaves nothing.
"""

import json
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import connection, transaction

from providers.management.script import ScriptCommand, find_provider
from providers.models import Provider, SyncedUser
from providers.plain_text import one_line
from providers.quota import count_resources
from providers.resources import copying
from scim.store import generated

T = TypeVar("T")


class Command(ScriptCommand):
    help = "Fill a provider with generated users and groups. Nobody else should use the database meanwhile."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("provider", help="id or title")
        parser.add_argument("--users", type=int, default=0, metavar="N", help="how many users to add")
        parser.add_argument("--groups", type=int, default=0, metavar="N", help="how many groups to add")
        parser.add_argument(
            "--members", type=int, default=0, metavar="N", help="how many members each of these groups gets"
        )
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.OPTIONS.is_production:
            raise CommandError("MODE=production: generated users do not belong there.")
        provider = find_provider(options["provider"])
        sizes = {name: options[name] for name in ("users", "groups", "members")}
        if min(sizes.values()) < 0 or not (sizes["users"] or sizes["groups"]):
            raise CommandError("Give a number of --users, of --groups, or of both.")
        started = time.monotonic()
        added = _fill(provider, **sizes, progress=_Progress(self.stderr))
        with connection.cursor() as cursor:
            # VACUUM cannot run in a transaction, and a test has one.
            cursor.execute("ANALYZE" if connection.in_atomic_block else "VACUUM (ANALYZE)")
        count_resources()
        added["seconds"] = round(time.monotonic() - started, 1)
        if options["json"]:
            self.stdout.write(json.dumps({"provider_id": provider.pk, **added}))
        else:
            self.stdout.write(
                f"{one_line(provider.title)}: {added['users']:,} users, {added['groups']:,} groups and"
                f" {added['memberships']:,} memberships in {added['seconds']:.1f} s"
            )


def _fill(provider: Provider, *, users: int, groups: int, members: int, progress: "_Progress") -> dict[str, Any]:
    tag = secrets.token_hex(4)
    with transaction.atomic():
        with copying.without_slow_indexes(users):
            for _made in copying.create(provider.pk, "User", progress.of(generated.users(users, tag), users, "users")):
                pass
            progress.say("indexes")
        shares = _shares(_live_users(provider, members), members) if groups else iter(())
        made = progress.of(generated.groups(groups, tag), groups, "groups")
        for chunk in copying.create(provider.pk, "Group", made):
            copying.add_members(provider.pk, ((*ids, next(shares)) for ids in chunk))
    progress.say("")
    return {"users": users, "groups": groups, "memberships": groups * members}


def _live_users(provider: Provider, least: int) -> list[UUID]:
    found = list(SyncedUser.objects.of(provider).live().order_by("pk").values_list("pk", flat=True)) if least else []
    if len(found) < least:
        raise CommandError(f"{least:,} members are more than the {len(found):,} users of this provider.")
    return found


def _shares(users: Sequence[UUID], size: int) -> Iterator[Sequence[UUID]]:
    """Yield `size` users for each group, the next ones each time, and from the first again at the end."""
    start = 0
    while True:
        end = start + size
        yield [*users[start:end], *users[: max(end - len(users), 0)]]
        start = end % (len(users) or 1)


class _Progress:
    """A progress bar, which is shown only on a terminal."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._is_shown = stream.isatty()

    def say(self, text: str) -> None:
        if self._is_shown:
            self._stream.write(f"\r{text:60}\r", ending="")
            self._stream.flush()

    def of(self, made: Iterable[T], count: int, name: str) -> Iterator[T]:
        """Yield everything of `made`, and show how many of `count` there were."""
        started = time.monotonic()
        for number, one in enumerate(made, start=1):
            yield one
            if number % copying.CHUNK == 0 or number == count:
                bar = "#" * (20 * number // count)
                rate = number / (time.monotonic() - started)
                self.say(f"{name} [{bar:20}] {number:,} of {count:,}, {rate:,.0f} a second")
