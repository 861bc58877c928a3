"""Backups: a round trip on real data, what a restore refuses, and that a failed one changes nothing."""

import json
import shutil
import subprocess
import tarfile
from uuid import uuid4

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from psycopg import sql

from iprova_idm import backups
from providers.models import ChangeEvent, SyncedUser
from tests.conftest import database_url
from tests.factories import make_calls, make_group, make_provider, make_users


def execute(statement):
    with psycopg.connect(database_url(), autocommit=True) as own:
        return own.execute(statement)


@pytest.fixture
def filled(committed):
    """Users, groups, members, events and requests of one provider, in the database of the tests that commit."""
    provider = make_provider(f"Backup {uuid4()}")
    users = make_users(provider, [f"user{n}@x" for n in range(50)])
    make_group(provider, "All", members=users)
    make_calls(provider, count=5)
    return provider


@pytest.fixture
def elsewhere(filled):
    """Run with another, empty database: `with elsewhere(): …`."""
    known, name = connection.settings_dict, "test_restored"
    source = known["NAME"]
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    execute(drop)
    execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    connection.close()

    class Elsewhere:
        def __enter__(self):
            connection.close()
            known["NAME"] = name

        def __exit__(self, *_):
            connection.close()
            known["NAME"] = source

    yield Elsewhere()
    execute(drop)


@pytest.fixture
def backup(filled, tmp_path):
    path = tmp_path / "saved.tar"
    call_command("backup", path)
    return path


def tables():
    with psycopg.connect(database_url()) as own:
        return backups._tables_of(own, lambda *_: None)


def test_a_round_trip_keeps_every_row_of_every_table(filled, elsewhere, tmp_path, capsys):
    path = tmp_path / "saved.tar"
    call_command("backup", path, json=True)
    made = json.loads(capsys.readouterr().out)
    before = tables()
    assert made["rows"] == sum(table.rows for table in before.values()) and made["bytes"] == path.stat().st_size
    assert path.stat().st_mode & 0o777 == 0o600 and not made["is_encrypted"]
    assert [path.name for path in tmp_path.iterdir()] == ["saved.tar"]
    with elsewhere:
        call_command("restore", path, json=True)
        assert tables() == before
        assert SyncedUser.objects.filter(provider=filled).count() == 50
        # What belongs to the tables is there too: the record refuses changes, and keys continue after the last one.
        with pytest.raises(Exception, match="append-only"):
            ChangeEvent.objects.update(subject="x")
        connection.rollback()
        assert make_provider(f"Later {uuid4()}").pk > filled.pk
    done = json.loads(capsys.readouterr().out)
    assert done["is_restored"] and not done["needs_migrate"] and done["rows"] == made["rows"]


def test_a_database_with_tables_is_replaced_only_if_asked(backup, elsewhere, capsys):
    with elsewhere:
        call_command("restore", backup)
        before = tables()
        make_provider(f"After the backup {uuid4()}")
        execute("CREATE TABLE of_a_later_version (id serial, provider bigint REFERENCES providers_provider)")
        with pytest.raises(CommandError, match=r"has tables.*--replace"):
            call_command("restore", backup)
        assert tables() != before
        call_command("restore", backup, replace=True)
        assert tables() == before
    assert "every table is as it was saved" in capsys.readouterr().out


def test_rows_of_two_tables_are_of_one_moment(filled, tmp_path, monkeypatch):
    """A row that is written while the backup runs is neither in the dump nor in the manifest."""
    before = tables()

    def write_one(what, _count):
        if what == "saved" and not added:
            added.append(make_provider(f"During the backup {uuid4()}"))

    added = []
    manifest = backups.make_backup(tmp_path / "saved.tar", recipient="", progress=write_one)
    assert added and manifest["tables"]["providers_provider"] == vars(before["providers_provider"])


def damaged(path, how):
    content = bytearray(path.read_bytes())
    with tarfile.open(path) as archive:
        places = {member.name: member.offset_data for member in archive}
    match how:
        case "a bit of the dump":
            content[places["database/000000"] + 10_000] ^= 1
        case "a bit of the manifest":
            content[places["manifest.json"] + 100] ^= 1
        case "cut in the dump":
            del content[places["database/000000"] + 5_000 :]
        case "cut before the manifest":
            del content[places["manifest.json"] - 512 :]
        case "not a backup":
            content = bytearray(b"x" * 10_000)
    path.write_bytes(content)


@pytest.mark.parametrize(
    "how",
    ["a bit of the dump", "a bit of the manifest", "cut in the dump", "cut before the manifest", "not a backup"],
)
def test_a_damaged_file_is_refused_before_anything_changes(backup, elsewhere, how):
    damaged(backup, how)
    for options in ({"check": True}, {}):
        with elsewhere, pytest.raises(CommandError, match=r"damaged|not a backup|gpg"):
            call_command("restore", backup, **options)
    with elsewhere:
        assert tables() == {}


def test_a_restore_that_fails_leaves_the_database_as_it_was(backup, elsewhere, monkeypatch):
    with elsewhere:
        call_command("restore", backup)
        make_provider(f"After the backup {uuid4()}")
        before = tables()
        manifest = backups.check_backup(backup, identity=None, progress=lambda *_: None)

        def cut_off(path, archive):
            for name, part in members(path, archive):
                yield name, part[: len(part) // 2]

        members = backups._members
        monkeypatch.setattr(backups, "_members", cut_off)
        with pytest.raises(backups.BackupError, match=r"(psql|pg_restore) failed"):  # whichever meets the end first
            backups.restore_backup(backup, manifest, identity=None, replace=True, progress=lambda *_: None)
        assert tables() == before


def test_a_table_that_is_not_as_it_was_saved_is_named(backup, elsewhere):
    manifest = backups.check_backup(backup, identity=None, progress=lambda *_: None)
    manifest["tables"]["providers_token"]["hash"] = "1"
    with elsewhere, pytest.raises(backups.BackupError, match="not as they were saved: providers_token"):
        backups.restore_backup(backup, manifest, identity=None, replace=False, progress=lambda *_: None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"migrations": ["providers.9999_later"]}, "9999_later.*restore it with that version"),
        ({"postgresql": 99}, "which is older"),
    ],
)
def test_a_backup_of_a_later_version_is_refused(backup, elsewhere, change, reason):
    manifest = backups.check_backup(backup, identity=None, progress=lambda *_: None) | change
    with elsewhere, pytest.raises(backups.BackupError, match=reason):
        backups.restore_backup(backup, manifest, identity=None, replace=False, progress=lambda *_: None)


def test_a_backup_never_replaces_a_file_and_a_failed_one_leaves_none(filled, backup, tmp_path, monkeypatch):
    saved = backup.read_bytes()
    with pytest.raises(CommandError, match="never replaces"):
        call_command("backup", backup)
    assert backup.read_bytes() == saved
    with pytest.raises(CommandError, match="age failed"):
        call_command("backup", tmp_path / "new", recipient="age1nonsense")
    assert [path.name for path in tmp_path.iterdir()] == ["saved.tar"]


def test_a_folder_gets_a_file_with_the_time(filled, tmp_path):
    call_command("backup", tmp_path)
    [made] = tmp_path.iterdir()
    assert made.name.startswith("iprova-idm-20") and made.suffix == ".tar"


@pytest.mark.skipif(not shutil.which("age"), reason="age is not installed (Debian: apt-get install age)")
def test_a_backup_for_a_recipient_of_age_is_read_with_its_key_only(filled, elsewhere, tmp_path):
    keys = [tmp_path / name for name in ("own.key", "other.key")]
    for key in keys:
        subprocess.run(["age-keygen", "-o", key], check=True, capture_output=True)
    recipient = subprocess.run(["age-keygen", "-y", keys[0]], check=True, capture_output=True, text=True).stdout.strip()
    path, before = tmp_path / "saved.tar.age", tables()
    call_command("backup", path, recipient=recipient)
    content = path.read_bytes()
    assert content.startswith(b"age-encryption.org/") and b"manifest.json" not in content
    for options in ({}, {"identity": keys[1]}):
        with pytest.raises(CommandError, match="age failed"):
            call_command("restore", path, check=True, **options)
    with elsewhere:
        call_command("restore", path, identity=keys[0])
        assert tables() == before
    path.write_bytes(content[:-20_000] + bytes(20_000))
    with pytest.raises(CommandError, match="age failed"):
        call_command("restore", path, check=True, identity=keys[0])


@pytest.mark.skipif(not shutil.which("gpg"), reason="gpg is not installed (Debian: apt-get install gnupg)")
def test_a_backup_for_a_key_of_gnupg_is_read_with_it(filled, elsewhere, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    new = ["--batch", "--pinentry-mode", "loopback", "--passphrase", "", "--quick-generate-key", "backup@example.com"]
    subprocess.run(["gpg", *new], check=True, capture_output=True)
    path, before = tmp_path / "saved.tar.gpg", tables()
    try:
        call_command("backup", path, recipient="backup@example.com")
        with elsewhere:
            call_command("restore", path)
            assert tables() == before
    finally:
        subprocess.run(["gpgconf", "--kill", "gpg-agent"], check=True)


def test_passwords_are_in_no_command_line(monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "PASSWORD", "s3cret")
    assert "s3cret" not in backups._conninfo() and backups._password() == {"password": "s3cret"}


def test_the_programs_are_those_of_the_servers_version_or_of_a_later_one(committed):
    with psycopg.connect(database_url()) as own:
        server = own.info.server_version // 10_000
    assert backups._version_of(backups._programs(server)) >= server
    with pytest.raises(backups.BackupError, match="pg_dump 99 is not installed"):
        backups._programs(99)
