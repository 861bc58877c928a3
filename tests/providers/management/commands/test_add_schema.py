"""`manage.py add_schema`."""

import json

import pytest
from django.core.management import CommandError, call_command


def test_the_command_reads_json_only(provider, tmp_path):
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("add_schema", provider.title, str(tmp_path / "none"))
    (tmp_path / "bad").write_text("{")
    with pytest.raises(CommandError, match="invalid JSON"):
        call_command("add_schema", provider.title, str(tmp_path / "bad"))
    with pytest.raises(CommandError, match="There is no provider"):
        call_command("add_schema", "nobody", str(tmp_path / "bad"))


def test_l1_a_name_in_the_file_adds_no_line_to_what_the_command_prints(provider, tmp_path):
    attributes = [{"name": "a\x1b[2J\nschema added"}, {"name": "a\x1b[2J\nschema added"}]
    (tmp_path / "bad").write_text(json.dumps({"id": "urn:example:x", "attributes": attributes, "y\n\x1b[1m": 1}))
    with pytest.raises(CommandError) as refused:
        call_command("add_schema", provider.title, str(tmp_path / "bad"))
    _first, *problems = str(refused.value).splitlines()
    assert len(problems) == 4 and not [line for line in problems if line.startswith("schema added")]
    assert "\x1b" not in str(refused.value)
