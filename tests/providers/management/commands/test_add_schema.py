"""`manage.py add_schema`."""

import pytest
from django.core.management import CommandError, call_command


def test_the_command_reads_json_only(provider, tmp_path):
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("add_schema", provider.title, str(tmp_path / "none"))
    (tmp_path / "bad").write_text("{")
    with pytest.raises(CommandError, match="not JSON"):
        call_command("add_schema", provider.title, str(tmp_path / "bad"))
    with pytest.raises(CommandError, match="There is no provider"):
        call_command("add_schema", "nobody", str(tmp_path / "bad"))
