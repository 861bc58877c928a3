"""Generated filters, paths and PATCH bodies, given to the protocol core without a server.

An input is a run of bytes that decides each choice of the generators (`Choices`), or is the text itself. So a
coverage-guided fuzzer that changes a byte changes one choice, and finds its way through the grammar. With atheris,
which is in an environment of its own (requirements/fuzz.txt), the inputs follow coverage; without it they are random
changes of the known inputs. `python -m fuzz.parsers --target filter --inputs 1000` runs one target.

A target raises AssertionError or any other error but `ScimError` when it finds a fault.
"""

import argparse
import hashlib
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

try:
    import atheris
except ImportError:
    atheris = None
else:
    # Only what is imported in this block reports its coverage.
    with atheris.instrument_imports(include=["scim.protocol", "scim.clients"]):
        pass

from fuzz.generated import PIECES, Choices, filter_text, mutated, operation, path_text, value
from fuzz.recorded import recorded_filters, recorded_patches
from scim.clients import LIBERAL, STRICT
from scim.protocol.attributes import ENTERPRISE_USER, GROUP, RESOURCE_TYPES, USER, ResourceType
from scim.protocol.changes import apply_changes
from scim.protocol.conditions import bind, fold_resource
from scim.protocol.errors import ScimError
from scim.protocol.filters import parse_filter, parse_path, render
from scim.protocol.intent import read_asked
from scim.protocol.members import member_changes
from scim.protocol.patch import PATCH_SCHEMA, read_patch
from scim.protocol.paths import UnknownAttributeError, find
from scim.protocol.policy import Policy
from scim.protocol.validation import UNASSIGNED, Notes, validate_resource

FOUND = Path(__file__).parent / "found"
LIMIT_S = 0.5  # of one input; the inputs of these targets are small
_IDS = ["0197a3a4-0000-7000-8000-000000000001", "0197a3a4-0000-7000-8000-000000000002"]


def check_filter(choices: Choices) -> None:
    """A filter is refused, or has a tree whose text has the same tree, and binds to a type or is refused."""
    policy, known, among = choices.choice(_QUERIES)
    text = choices.text if choices.is_text else mutated(choices, filter_text(choices, known.name))
    try:
        node = parse_filter(text)
    except ScimError:
        return
    assert parse_filter(render(node), max_length=10**6) == node, "the text of the tree has another tree"
    with suppress(ScimError):
        bind(node, known, policy, among)


def check_path(choices: Choices) -> None:
    """A path is refused or names an attribute or none, and an operation on it leaves a whole resource or is refused."""
    case = choices.choice(CASES)
    path = choices.text if choices.is_text else mutated(choices, path_text(choices))
    with suppress(ScimError, UnknownAttributeError):
        find(parse_path(path).attr, case.resource_type)
    op = choices.choice(("replace", "add", "remove"))
    sent = "a" if choices.is_text else value(choices, _IDS)
    check_operations(case, [{"op": op, "path": path, "value": sent}])


def check_patch(choices: Choices) -> None:
    """The operations of a PATCH leave a whole resource, or are refused and leave nothing."""
    case = choices.choice(CASES)
    if choices.is_text:
        with suppress(ValueError, RecursionError):
            _patch(case, json.loads(choices.text))
    else:
        name = case.resource_type.name
        check_operations(case, [operation(choices, name, _IDS) for _ in range(choices.randint(1, 4))])


@dataclass(frozen=True)
class Case:
    """A resource to patch, and the policy for it."""

    before: dict[str, Any]
    resource_type: ResourceType
    policy: Policy


def check_operations(case: Case, operations: list[Any]) -> None:
    """What PATCH promises: all or nothing, and afterwards a resource that is valid as it stands."""
    _patch(case, {"schemas": [PATCH_SCHEMA], "Operations": operations})


def _patch(case: Case, body: Any) -> None:
    untouched = json.dumps(case.before)
    read_asked("PATCH", body)
    try:
        changes = read_patch(body, case.resource_type, case.policy, Notes())
        own = [one for one in changes if not (one.target.attribute and one.target.attribute.name == "members")]
        member_changes(one for one in changes if one not in own)
        after = apply_changes(case.before, own, case.resource_type, case.policy)
    except ScimError:
        return
    finally:
        assert json.dumps(case.before) == untouched, "the resource before the PATCH was changed"
    _check_whole(after, case.resource_type)


def _check_whole(after: dict[str, Any], resource_type: ResourceType) -> None:
    assert not _holds_empty(after), "an unassigned value is held"
    again = validate_resource(json.loads(json.dumps(after)), resource_type, LIBERAL, Notes())
    # A reference with an address alone gets its id when it is sent again, so the first time may differ.
    assert validate_resource(json.loads(json.dumps(again)), resource_type, LIBERAL, Notes()) == again
    assert fold_resource(after, resource_type).keys() == after.keys()
    for name, held in after.items():
        if isinstance(held, list) and name != "schemas":
            elements = [one for one in held if isinstance(one, dict)]
            assert sum(one.get("primary") is True for one in elements) <= 1, f"two primary values of {name}"


def _holds_empty(held: object) -> bool:
    parts = held.values() if isinstance(held, dict) else held if isinstance(held, list) else ()
    return held in UNASSIGNED or any(map(_holds_empty, parts))


_QUERIES = [
    *((LIBERAL, known, among) for known in RESOURCE_TYPES for among in ((), RESOURCE_TYPES)),
    *((STRICT, known, ()) for known in RESOURCE_TYPES),
]
_RESOURCES = [
    ({"schemas": [USER.schema.id], "userName": "jane"}, USER),
    (
        validate_resource(
            {
                "userName": "jane",
                "active": True,
                "name": {"givenName": "J"},
                "emails": [{"type": "work", "value": "a"}, {"value": "b", "primary": True}],
                "roles": [{"value": "r"}],
                "addresses": [{"type": "work", "locality": "Tilburg"}],
                ENTERPRISE_USER: {"department": "Care", "manager": {"value": "m"}},
            },
            USER,
            LIBERAL,
            Notes(),
        ),
        USER,
    ),
    ({"schemas": [GROUP.schema.id], "displayName": "Care"}, GROUP),
]

CASES = [Case(before, known, policy) for before, known in _RESOURCES for policy in (LIBERAL, STRICT)]

TARGETS_BY_NAME: dict[str, Callable[[Choices], None]] = {
    "filter": check_filter,
    "path": check_path,
    "patch": check_patch,
}


@dataclass
class Result:
    """What a run of one target found. `failures` has a reason for each file that was written."""

    target: str
    inputs: int = 0
    slowest_s: float = 0.0
    took_s: float = 0.0
    follows_coverage: bool = False
    failures: dict[str, str] = field(default_factory=dict)


class Run:
    """One target and what it found. A fault does not end the run: its input is written to `folder`, once a place."""

    def __init__(self, target: str, inputs: int, folder: Path) -> None:
        self.check, self.inputs, self.folder = TARGETS_BY_NAME[target], inputs, folder
        self.result = Result(target, follows_coverage=atheris is not None)
        self._places: set[str] = set()
        self._started = time.perf_counter()

    def one(self, data: bytes) -> None:
        """Give the target one input."""
        started = time.perf_counter()
        place, error = fault_of(self.check, data)
        took = time.perf_counter() - started
        result = self.result
        result.inputs += 1
        result.slowest_s = max(result.slowest_s, took)
        if not place and took > LIMIT_S:
            place = error = f"took more than {LIMIT_S} s"
        if place and place not in self._places:
            self._places.add(place)
            path = self.folder / f"{result.target}-{hashlib.sha256(data).hexdigest()[:12]}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            result.failures[str(path)] = error

    def end(self) -> None:
        """Print the result as JSON, for the process that started this one."""
        self.result.took_s = time.perf_counter() - self._started
        sys.stdout.write(json.dumps(vars(self.result)) + "\n")
        sys.stdout.flush()


def fault_of(check: Callable[[Choices], None], data: bytes) -> tuple[str, str]:
    """Where an input causes an error, and the error; two empty texts if it causes none."""
    try:
        check(Choices(data))
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(last.filename).name}:{last.lineno}"
        return place, f"{type(error).__name__}: {error} ({place})"[:500]
    return "", ""


def known_inputs(target: str) -> list[bytes]:
    """The inputs that a run begins with: those that found a fault before, and what clients send."""
    inputs = [path.read_bytes() for path in sorted((FOUND / target).glob("*"))]
    recorded = {"filter": recorded_filters, "patch": recorded_patches}.get(target)
    return inputs + [Choices.TEXT + b"\0" + text.encode() for text in (recorded() if recorded else ())]


def random_inputs(random: Random, count: int, known: list[bytes]) -> Iterator[bytes]:
    """Inputs without regard to coverage: half of them choices by chance, half changes of a known input."""
    for _ in range(count):
        if not known or random.random() < 0.5:
            yield random.randbytes(random.choice((8, 30, 100)))
        else:
            text = random.choice(known).decode("utf-8", "replace")
            yield mutated(random, text, 1).encode("utf-8", "replace")


def run_at_random(run: Run, seed: int) -> None:
    known = known_inputs(run.result.target)
    for data in [*known, *random_inputs(Random(seed), max(run.inputs - len(known), 0), known)]:
        run.one(data)
    run.end()


def run_by_coverage(run: Run, seed: int) -> None:
    """Let atheris choose the inputs. It ends the process."""

    def one(data: bytes) -> None:
        run.one(data)
        if run.result.inputs == run.inputs:
            run.end()

    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        corpus, words = Path(folder, "corpus"), Path(folder, "words")
        corpus.mkdir()
        for number, data in enumerate(known_inputs(run.result.target)):
            (corpus / str(number)).write_bytes(data)
        words.write_text("".join(f'"{_quoted(piece)}"\n' for piece in PIECES if 0 < len(piece.encode()) < 100))
        # libFuzzer reads the corpus once more than `runs` says, so `one` counts.
        options = [f"-runs={run.inputs + 10}", f"-seed={seed}", "-max_len=2000", f"-dict={words}", "-verbosity=0"]
        atheris.Setup([sys.argv[0], *options, str(corpus)], one)
        atheris.Fuzz()


def _quoted(piece: str) -> str:
    return "".join(chr(byte) if 32 < byte < 127 and byte not in b'"\\' else f"\\x{byte:02x}" for byte in piece.encode())


def main() -> None:
    """Run one target and print its result as JSON on the last line."""
    parser = argparse.ArgumentParser(prog="python -m fuzz.parsers", description="See `make fuzz`.")
    parser.add_argument("--target", choices=sorted(TARGETS_BY_NAME), required=True)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--failures", type=Path, default=Path("fuzz-failures"))
    sent = parser.parse_args()
    run = Run(sent.target, sent.inputs, sent.failures)
    (run_by_coverage if atheris else run_at_random)(run, sent.seed)


if __name__ == "__main__":
    main()
