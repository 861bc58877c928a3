"""`make fuzz`: generated input for the parsers, the SCIM endpoint and the console; then a check of the database.

`python -m fuzz` runs the three parts and prints a table. The server is the product itself with a database of its own,
which is removed afterwards. The same `--seed` generates the same input. What shows a fault is written to `--failures`,
and `python -m fuzz --replay FILE` sends it again. The exit status is 0 if there was no fault.
"""

import argparse
import json
import multiprocessing
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from fuzz.clients import from_json, send_requests
from fuzz.forms import fill_forms, replay_step, sign_in
from fuzz.parsers import TARGETS_BY_NAME, fault_of
from fuzz.report import Memory, Report
from fuzz.server import USERS, fuzzed_server, make_cast, make_provider, memory_of_workers
from fuzz.tally import Outcome, Tally, is_meant
from fuzz.wire import Wire
from iprova_idm.options import PROJECT_DIR
from iprova_idm.serve import Server

# The interpreter with atheris (see the Makefile); without it, the parsers get inputs that do not follow coverage.
_WITH_ATHERIS = PROJECT_DIR / ".venv-fuzz" / "bin" / "python"
_CLIENTS = 2  # as many as the server has workers, so that no request waits for another
_FLUSHED_S = 2.0  # the log is written half a second after a response


def main() -> int:
    """Run what the arguments ask for."""
    sent = _read_arguments()
    if sent.replay:
        return replay(sent.replay)
    report = Report(sent.seed)
    if sent.inputs:
        report.parsers = fuzz_parsers(sent.inputs, sent.seed, sent.failures)
    if sent.requests or sent.posts:
        with fuzzed_server(sent.failures / "server.log") as server:
            fuzz_server(server, sent, report)
    report.write_faults(sent.failures)
    sys.stdout.write(report.text())
    return int(report.has_faults)


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=str(__doc__).splitlines()[0])
    parser.add_argument("--inputs", type=int, default=1_000_000, help="for the parsers of filters, paths and PATCH")
    parser.add_argument("--requests", type=int, default=200_000, help="to the SCIM endpoint")
    parser.add_argument("--posts", type=int, default=20_000, help="forms of the console")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--patience", type=float, default=1.0, help="multiplies the limits of time, on a busy machine")
    parser.add_argument(
        "--failures", type=Path, default=PROJECT_DIR / "fuzz-failures", help="folder for what was found"
    )
    parser.add_argument("--replay", type=Path, metavar="FILE", help="send again what a file of --failures has")
    return parser.parse_args()


def fuzz_parsers(inputs: int, seed: int, failures: Path) -> list[dict[str, Any]]:
    """Run every target in a process of its own, all at once. Return their results."""
    python = str(_WITH_ATHERIS) if _WITH_ATHERIS.exists() else sys.executable
    share = -(-inputs // len(TARGETS_BY_NAME))
    options = ["--inputs", str(share), "--seed", str(seed), "--failures", str(failures)]
    running = [
        subprocess.Popen(  # noqa: S603 (our own command)
            [python, "-m", "fuzz.parsers", "--target", target, *options],
            cwd=PROJECT_DIR,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for target in TARGETS_BY_NAME
    ]
    results = []
    for target, process in zip(TARGETS_BY_NAME, running, strict=True):
        lines = [line for line in process.communicate()[0].splitlines() if line.startswith("{")]
        ended = {"target": target, "inputs": 0, "failures": {target: "the process ended without a result"}}
        results.append(json.loads(lines[-1]) if lines else ended)
    return results


def fuzz_server(server: Server, sent: argparse.Namespace, report: Report) -> None:
    """Send requests, then forms, and check the database after each."""
    from fuzz import invariants

    port = server.options.port
    bystander, token = make_provider("Bystander")
    foreign, _ = make_cast(port, token, users=50, groups=5)
    _, other_token = make_provider("Any request")
    make_cast(port, other_token, users=20, groups=3)
    before = invariants.digest_of(bystander.pk)
    casts, logged = [], {}
    for number in range(_CLIENTS):
        provider, token = make_provider(f"Client {number}")
        cast, count = make_cast(port, token, users=max(20, min(USERS, sent.requests // 20)))
        cast.foreign, cast.other_tokens = [*foreign.users[:5], *foreign.groups[:2]], [other_token]
        casts.append(cast)
        logged[provider.pk] = Counter({200: count})
    if sent.requests:
        share = -(-sent.requests // _CLIENTS)
        outcomes = _in_processes(
            server,
            report.memory_of("requests"),
            share,
            lambda number, done: send_requests(
                port, casts[number], share, f"{sent.seed}-{number}", done, sent.patience
            ),
        )
        for provider_id, outcome in zip(logged, outcomes, strict=True):
            logged[provider_id] += outcome.logged
        report.add("SCIM request", outcomes)
        time.sleep(_FLUSHED_S)
        report.checked += [
            *invariants.check_all(),
            invariants.log_has_each_request(logged),
            invariants.bystander_is_as_before(bystander.pk, before),
        ]
        (sent.failures / "report.txt").write_text(report.text())  # forms take long, and somebody may stop them
    if sent.posts:
        share = -(-sent.posts // _CLIENTS)
        outcomes = _in_processes(
            server,
            report.memory_of("forms"),
            share,
            lambda number, done: fill_forms(port, share, f"{sent.seed}-{number}", done, sent.patience),
        )
        report.add("console", outcomes)
        time.sleep(_FLUSHED_S)
        report.checked_after_forms = invariants.check_all()


def _in_processes(
    server: Server, memory: Memory, share: int, work: Callable[[int, Callable[[], None]], Outcome]
) -> list[Outcome]:
    """Run `work` in each client's process. Meanwhile note the memory of the server's workers."""
    from django.db import connections

    connections.close_all()
    context = multiprocessing.get_context("fork")
    done = context.Value("q", 0)

    def count() -> None:
        with done.get_lock():
            done.value += 1

    def run(number: int, pipe: Connection) -> None:
        pipe.send(work(number, count))

    pipes = [context.Pipe(duplex=False) for _ in range(_CLIENTS)]
    clients = [context.Process(target=run, args=(number, pipe[1])) for number, pipe in enumerate(pipes)]
    for client in clients:
        client.start()
    for _, sending in pipes:
        sending.close()
    memory.note(0.0, memory_of_workers(server))
    while any(client.is_alive() for client in clients) and not all(pipe.poll() for pipe, _ in pipes):
        time.sleep(0.2)
        if server.gunicorn.poll() is not None:
            raise RuntimeError("gunicorn has ended")
        memory.note(done.value / (share * _CLIENTS), memory_of_workers(server))
    outcomes = [_received(pipe) for pipe, _ in pipes]
    memory.note(1.0, memory_of_workers(server))
    for client in clients:
        client.join()
    return outcomes


def _received(pipe: Connection) -> Outcome:
    """What a client sends at its end; an outcome with a fault if it ended without one."""
    try:
        outcome: Outcome = pipe.recv()
    except EOFError:
        return Outcome(
            {"client": Tally(Counter({0: 1}))}, faults=[{"kind": "client", "why": "its process ended", "steps": []}]
        )
    return outcome


def replay(path: Path) -> int:
    """Send again what a file describes: an input of a parser, or the steps of a fault that the server had."""
    content = path.read_bytes()
    target = TARGETS_BY_NAME.get(path.parent.name) or TARGETS_BY_NAME.get(path.name.partition("-")[0])
    if target and path.suffix != ".json":
        _, error = fault_of(target, content)
        sys.stdout.write(f"{error or 'no fault'}\n")
        return int(bool(error))
    is_fault = False
    with fuzzed_server(path.with_suffix(".log")) as server:
        _, token = make_provider("Replay")
        make_cast(server.options.port, token, users=20, groups=3)
        for step, response in replay_steps(server.options.port, token, json.loads(content)["steps"]):
            name = f"{step.get('method', 'form')} {str(step.get('target', step.get('page')))[:100]}"
            shown = "no such form now" if response is None else f"{response.status} in {response.took_s * 1_000:.0f} ms"
            sys.stdout.write(f"{name}: {shown}\n")
            is_fault |= response is None or response.status == 0 or (response.status >= 500 and not is_meant(response))
    return int(is_fault)


def replay_steps(port: int, token: str, steps: list[dict[str, Any]]) -> list[tuple[dict[str, Any], Any]]:
    """Send the steps of a fault. Return each with its response."""
    wire, made, results = Wire(port), dict[str, str](), []
    for step in steps:
        if "page" in step:
            browser, _ = sign_in(port, step.get("role") or "Administrator")
            response = replay_step(browser, step)
        else:
            request = from_json(step, token, made)
            response = wire.send(request, ends=step.get("ends", False))
            if "makes" in step and response.status == 201:
                made[step["makes"]] = json.loads(response.body)["id"]
        results.append((step, response))
    wire.close()
    return results


if __name__ == "__main__":
    sys.exit(main())
