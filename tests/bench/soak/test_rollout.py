"""The table and the verdict of `make rollout`, and the copies of the program that it makes."""

import ast
from pathlib import Path

from bench.scim.servers import Server
from bench.soak.load import Seen
from bench.soak.rollout import _MIGRATION, Installation, Step, longest, table

STEPS = [Step("reload 1", 10.0, 20.0), Step("migration of the next version", 30.0, 31.0)]


def test_the_longest_wait_is_that_of_a_request_that_was_due_during_a_reload():
    seen = [Seen(9.9, 5.0, "get"), Seen(10.1, 0.3, "get"), Seen(19.9, 0.2, "get"), Seen(30.5, 4.0, "get")]
    assert longest(STEPS, seen) == 0.3


def test_each_step_has_a_row_and_each_request_is_in_one():
    seen = [Seen(float(second), second / 1_000, "get") for second in range(40)]
    rows = [line.split() for line in table(STEPS, seen).splitlines()[1:]]
    assert rows[0] == ["reload", "1", "10.0", "11", "15", "20", "20"]
    assert rows[1][-4:] == ["2", "31", "31", "31"]
    assert rows[2] == ["at", "other", "times", "27", "24", "39", "39"]


def test_a_copy_of_the_program_takes_the_place_of_another(tmp_path: Path):
    made = Installation(tmp_path, Server("rollout", 0, "/scim", "", 0))
    for name in ("first", "second"):
        assert (made.install(name) / "manage.py").exists()
        made.switch(name)
        assert (tmp_path / "current").resolve() == tmp_path / name
    newest = sorted(path.stem for path in (tmp_path / "second" / "providers" / "migrations").glob("0*.py"))[-1]
    assert newest in ast.unparse(ast.parse(_MIGRATION.format(newest=newest)))
