"""Exports as jobs: who may start how many, what a file takes, and what is left of one that was stopped."""

import dataclasses
import threading
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.utils import timezone

from providers import exports
from providers.console.export import write_file
from providers.console.site import site
from providers.events import SYSTEM
from providers.models import ChangeEvent, Export, ExportFailure, ExportPart, SyncedUser
from providers.resources.recycle_bin import purge
from tests.factories import make_account, make_provider, make_user


def asked(account, listed="users", query="", **more):
    more = {"language": "en", "time_zone": "", "address": "203.0.113.9", "request_id": None} | more
    return exports.ask(account, listed=listed, query=query, **more)[0]


def written(account, listed="users", query="", **more):
    export = asked(account, listed, query, **more)
    write_file(export.pk, site.lists)
    export.refresh_from_db()
    return export


def test_exports_two_run_for_an_account_and_four_for_all(anna, db):
    first = [asked(anna, "users"), asked(anna, "groups")]
    with pytest.raises(exports.BusyError) as refused:
        asked(anna, "log")
    assert refused.value.is_own
    colleagues = [make_account("Administrator") for _ in range(3)]
    asked(colleagues[0]), asked(colleagues[1])
    with pytest.raises(exports.BusyError) as refused:
        asked(colleagues[2])
    assert not refused.value.is_own
    exports.delete_export(first[0])
    asked(colleagues[2])


def test_exports_started_again_while_running_are_the_same_one(anna, db):
    one = asked(anna, query="status=disabled")
    chosen = {"query": "status=disabled", "language": "en", "time_zone": ""}
    assert exports.ask(anna, listed="users", **chosen, address=None, request_id=None) == (
        one,
        False,
    )
    assert asked(anna, query="status=active") != one


def test_exports_of_a_dead_process_do_not_count(anna, db):
    for listed in ("users", "groups"):
        Export.objects.filter(pk=asked(anna, listed).pk).update(started_at=timezone.now())
    assert exports.held_ids() == {0} and asked(anna, "log")  # 0 is the lock of asking


def test_exports_that_never_began_are_given_up_after_a_minute(anna, db):
    export = asked(anna)
    assert exports.interrupted([export]) == set()
    export.asked_at -= timedelta(minutes=2)
    assert exports.interrupted([export]) == {export.pk}


def test_exports_that_end_while_somebody_looks_are_not_taken_for_dead(anna, db):
    """The row was read before the end, the locks after it."""
    export = asked(anna)
    export.started_at = timezone.now()
    assert exports.interrupted([export]) == {export.pk}
    Export.objects.filter(pk=export.pk).update(state="done")
    assert exports.interrupted([export]) == set()


def test_exports_keep_the_newest_ten_of_an_account(anna, db):
    colleague = written(make_account("Administrator"))
    ids = [written(anna, "audit", f"day=2026-11-{number:02}").pk for number in range(1, 13)]
    assert list(Export.objects.filter(owner=anna).order_by("pk").values_list("pk", flat=True)) == ids[2:]
    assert Export.objects.filter(pk=colleague.pk).exists()
    assert set(ExportPart.objects.values_list("export_id", flat=True)) == {colleague.pk, *ids[2:]}


def test_exports_take_no_more_room_than_the_setting_allows(anna, provider, settings, monkeypatch):
    monkeypatch.setattr(exports, "_PART", 1)  # each chunk is a part
    kept = written(anna)
    settings.OPTIONS = dataclasses.replace(settings.OPTIONS, export_room_mib=1)
    Export.objects.filter(pk=kept.pk).update(stored=1 << 20)
    failed = written(anna, "groups")
    assert (failed.state, failed.failure, failed.stored) == ("failed", "too-large", 0)
    assert not failed.parts.exists() and kept.parts.exists()
    assert not ChangeEvent.objects.filter(kind="console.exported", subject__startswith="groups").exists()


def test_exports_expire_after_a_day_and_leave_nothing(anna, provider):
    make_user(provider, "jane@contoso.com")
    old, new = written(anna), written(anna, "groups")
    Export.objects.filter(pk=old.pk).update(ended_at=timezone.now() - timedelta(hours=24, seconds=1))
    assert exports.forget_exports() == 1 and exports.forget_exports() == 0
    assert list(Export.objects.values_list("pk", flat=True)) == [new.pk]
    assert set(ExportPart.objects.values_list("export_id", flat=True)) == {new.pk}


def test_exports_that_were_interrupted_are_noted_and_their_parts_deleted(anna, db):
    export, waiting = asked(anna), asked(anna, "groups")
    writer = exports.FileWriter(export.pk)
    writer.begin(expected=2, has_names=True)
    writer.write(b"x" * exports._PART, 1)
    assert export.parts.exists()
    exports.forget_exports()
    export.refresh_from_db()
    waiting.refresh_from_db()
    assert (export.state, export.failure) == ("failed", "interrupted") and not export.parts.exists()
    assert waiting.state == "running"
    with pytest.raises(exports.StoppedError):
        writer.write(b"x" * exports._PART, 1)


def test_exports_that_are_deleted_stop_at_their_next_part(anna, db):
    export = asked(anna)
    writer = exports.FileWriter(export.pk)
    writer.begin(expected=2, has_names=True)
    writer.write(b"x" * exports._PART, 1)
    exports.delete_export(export)
    with pytest.raises(exports.StoppedError):
        writer.write(b"x" * exports._PART, 1)
    assert not ExportPart.objects.exists()
    write_file(export.pk, site.lists)  # nothing is left to write


def test_exports_are_withdrawn_when_a_user_is_purged(anna, provider):
    jane = make_user(provider, "jane@contoso.com")
    done, running = written(anna, query="q=jane"), asked(anna, "log")
    SyncedUser.objects.filter(pk=jane.pk).update(deleted_at=timezone.now())
    assert purge(provider.pk, jane.pk, SYSTEM)
    assert not ExportPart.objects.exists()
    for export in (done, running):
        export.refresh_from_db()
        assert (export.state, export.failure, export.query) == ("failed", ExportFailure.PURGED, "")


@pytest.mark.parametrize("left", [[], ["view_provider", "view_personal"], ["export_data"]])
def test_exports_of_an_account_without_the_right_any_more_fail(anna, provider, left):
    make_user(provider, "jane@contoso.com")
    export = asked(anna)
    anna.groups.clear()
    anna.user_permissions.set(Permission.objects.filter(codename__in=left))
    write_file(export.pk, site.lists)
    export.refresh_from_db()
    assert (export.state, export.failure) == ("failed", "no-right") and not export.parts.exists()


def test_exports_fail_without_a_file_when_an_error_stops_them(anna, provider, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("providers.console.export._cell", broken)
    export = asked(anna)
    make_user(provider)
    with pytest.raises(ZeroDivisionError):
        write_file(export.pk, site.lists)
    export.refresh_from_db()
    assert (export.state, export.failure) == ("failed", "error") and export.ended_at
    assert not ChangeEvent.objects.filter(kind="console.exported").exists()


def test_exports_that_take_longer_than_an_hour_end_with_that_reason(anna, provider, monkeypatch):
    def late(*_, **__):
        raise exports.TooLongError

    monkeypatch.setattr(exports.FileWriter, "write", late)
    export = written(anna)
    assert (export.state, export.failure) == ("failed", "too-long")


def test_exports_are_read_from_any_byte(anna, provider, monkeypatch):
    monkeypatch.setattr(exports, "_PART", 100)
    monkeypatch.setattr("providers.console.export.CHUNK", 2)
    for number in range(9):
        make_user(provider, f"u{number}")
    export = written(anna)
    whole = b"".join(exports.contents(export))
    assert export.parts.count() > 4 and len(whole) == export.size and whole.count(b"\r\n") == 10
    for first, last in ((0, 0), (1, 250), (99, 101), (export.size - 1, export.size - 1), (300, None)):
        expected = whole[first:] if last is None else whole[first : last + 1]
        assert b"".join(exports.contents(export, first, last)) == expected
    export.parts.filter(start__gt=200).delete()
    with pytest.raises(exports.StoppedError):
        list(exports.contents(export))


def test_exports_have_the_rows_of_one_moment(committed, monkeypatch):
    """A user who is created after the rows were counted is not in the file, whoever creates them."""
    account, provider = make_account("Administrator"), make_provider()
    make_user(provider)
    export = asked(account, query=f"provider={provider.pk}")
    begin = exports.FileWriter.begin

    def meanwhile():
        make_user(provider)
        connection.close()

    def begin_late(writer, **counted):
        other = threading.Thread(target=meanwhile)
        other.start()
        other.join()
        begin(writer, **counted)

    monkeypatch.setattr(exports.FileWriter, "begin", begin_late)
    write_file(export.pk, site.lists)
    export.refresh_from_db()
    assert SyncedUser.objects.of(provider).count() == 2
    assert (export.state, export.expected, export.row_count) == ("done", 1, 1)


def test_exports_show_that_they_are_being_written_on_every_machine(committed):
    account = make_account("Administrator")
    export = asked(account)
    elsewhere = connection.copy()
    try:
        with exports.snapshot(export.pk, statement_s=5):
            with elsewhere.cursor() as cursor:
                cursor.execute(exports._HELD, [exports._LOCKS])
                assert (export.pk,) in cursor.fetchall()
            with connection.cursor() as cursor:
                cursor.execute("SHOW transaction_isolation")
                assert cursor.fetchone() == ("repeatable read",)
        assert export.pk not in exports.held_ids()
    finally:
        elsewhere.close()
