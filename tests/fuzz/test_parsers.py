"""The parsers of filters, paths and PATCH on generated inputs, and on those that have found a fault before."""

from pathlib import Path
from random import Random

import pytest

from fuzz.generated import Choices
from fuzz.parsers import FOUND, TARGETS_BY_NAME, Run, fault_of, known_inputs, random_inputs

FILES = sorted(path.relative_to(FOUND).as_posix() for target in TARGETS_BY_NAME for path in (FOUND / target).glob("*"))


@pytest.mark.parametrize("name", FILES)
def test_an_input_that_found_a_fault_finds_none_now(name: str):
    assert fault_of(TARGETS_BY_NAME[Path(name).parent.name], (FOUND / name).read_bytes()) == ("", "")


@pytest.mark.parametrize("target", sorted(TARGETS_BY_NAME))
def test_generated_inputs_find_no_fault(target: str):
    known = known_inputs(target)
    for data in [*known, *random_inputs(Random(1), 300, known)]:
        assert fault_of(TARGETS_BY_NAME[target], data) == ("", ""), data


def test_the_same_bytes_make_the_same_choices():
    for data in random_inputs(Random(2), 20, []):
        one, other = Choices(data), Choices(data)
        assert [one.choice(range(1_000)) for _ in range(50)] == [other.choice(range(1_000)) for _ in range(50)]
    assert Choices(b"").random() == 0 and Choices(b"=\1userName").text == "userName"


def test_a_fault_is_written_once_and_does_not_end_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def check(choices: Choices) -> None:
        assert choices.text != "bad"

    monkeypatch.setitem(TARGETS_BY_NAME, "filter", check)
    run = Run("filter", 3, tmp_path)
    for data in (b"=\0bad", b"=\0good", b"=\1bad"):
        run.one(data)
    assert run.result.inputs == 3
    (written,) = run.result.failures
    assert Path(written).read_bytes() == b"=\0bad"
