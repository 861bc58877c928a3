"""The Dutch catalogue: nothing missing, nothing old, and compiled (AC-I18N-1)."""

import ast
import gettext
import os
import shutil
import subprocess
import sys

import pytest
from django.conf import settings

from tests.catalogue import DUTCH, read_po


def test_ac_i18n_1_every_text_has_its_dutch():
    messages = read_po(DUTCH)
    assert len(messages) > 1_000
    assert not [message.msgid for message in messages if not all(message.texts)]
    assert not [message.msgid for message in messages if len(message.texts) != (2 if message.plural else 1)]


def test_ac_i18n_1_what_is_compiled_is_what_is_written():
    with DUTCH.with_suffix(".mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for message in read_po(DUTCH):
        if message.plural:
            texts = tuple(compiled.ngettext(message.msgid, message.plural, number) for number in (1, 2))
        else:
            texts = (compiled.gettext(message.msgid),)
        assert texts == message.texts, f"make messages compiles it: {message.msgid}"


@pytest.mark.skipif(
    not shutil.which("xgettext") and os.environ.get("REQUIRE_BROWSER") != "1",
    reason="gettext is not installed here (Debian, Ubuntu: apt-get install gettext); .ci/run has it",
)
def test_ac_i18n_1_gathering_the_texts_again_finds_no_other(tmp_path):
    for name in ("iprova_idm", "providers", "scim", "templates", "locale"):
        ignored = shutil.ignore_patterns("__pycache__", "*.mo")
        shutil.copytree(settings.BASE_DIR / name, tmp_path / name, ignore=ignored)
    command = [sys.executable, "-m", "django", "makemessages", "--locale", "nl", "--no-location", "--no-obsolete"]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "iprova_idm.settings", "SECRET_KEY": "k" * 60}
    made = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    gathered = read_po(tmp_path / "locale/nl/LC_MESSAGES/django.po")
    known = {(message.msgid, message.plural) for message in read_po(DUTCH)}
    assert {(message.msgid, message.plural) for message in gathered} == known, "make messages brings it up to date"


def test_ac_i18n_1_no_text_stands_where_gathering_overlooks_it():
    """xgettext reads an f-string as one text: what is translated inside it never reaches the catalogue."""
    overlooked = []
    for package in ("iprova_idm", "providers", "scim"):
        for file in (settings.BASE_DIR / package).rglob("*.py"):
            for found in ast.walk(ast.parse(file.read_text())):
                if isinstance(found, ast.JoinedStr):
                    calls = [node for node in ast.walk(found) if isinstance(node, ast.Call)]
                    names = {node.func.id for node in calls if isinstance(node.func, ast.Name)}
                    if names & {"_", "gettext", "gettext_lazy", "ngettext"}:
                        overlooked.append(f"{file.name}:{found.lineno}")
    assert overlooked == []
