"""The catalogue of commands: `manage.py help` and docs/commands.md."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from iprova_idm.management.catalogue import COMMANDS, describe, load
from tests.conftest import SERVER_KEY, database_url

PROJECT = Path(__file__).resolve().parents[3]


def test_every_command_is_in_the_catalogue():
    files = [*PROJECT.glob("providers/management/commands/*.py"), *PROJECT.glob("iprova_idm/management/commands/*.py")]
    names = [name for known in COMMANDS.values() for name in known]
    assert sorted(names) == sorted(path.stem for path in files if path.stem != "__init__")


def test_every_command_says_what_it_does_in_one_sentence_first():
    for names in COMMANDS.values():
        for name in names:
            assert load(name).help.endswith("."), name


def test_the_document_is_what_the_commands_say():
    assert (PROJECT / "docs/commands.md").read_text("utf-8") == "\n".join(describe()) + "\n", "make docs writes it"


def manage(*arguments):
    environment = os.environ | {"DATABASE_URL": database_url(), "SECRET_KEY": SERVER_KEY}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.django_db
def test_help_begins_with_our_commands_and_a_refusal_ends_with_its_exit_code():
    shown = manage("help")
    assert shown.returncode == 0 and shown.stdout.index("list_providers") < shown.stdout.index("[auth]")
    refused = manage("show_provider", "nobody")
    assert (refused.returncode, refused.stdout) == (3, "") and "There is no provider 'nobody'." in refused.stderr
    assert manage("set_provider").returncode == 2
