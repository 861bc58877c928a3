"""Plays the scenarios of `entra-requests.json` and judges the answers (the format: README.md next to it)."""

import http.client
import json
import re
import secrets
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

SCENARIOS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("entra-requests.json").read_text("utf-8"))
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_STEP = re.compile(r"\.([A-Za-z_$][\w$]*)|\['([^']+)'\]|\[(\d+)\]|\[\?\(@\.(\w+)==\"([^\"]*)\"\)\]")
_MISSING = object()


class Answer:
    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.text = body.decode()
        self.json = json.loads(body) if body else None


def send(base: str, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
    """One request with exactly these headers: a client that sends no User-Agent and no Accept sends none here."""
    parts = urlsplit(base)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    connection.putrequest(method, f"{parts.path}{path}", skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    response = connection.getresponse()
    answer = Answer(response.status, dict(response.getheaders()), response.read())
    connection.close()
    return answer


def play(scenario: Mapping[str, Any], base: str, token: str, other_token: str) -> list[str]:
    """What of one scenario failed, as sentences; an empty list is a pass."""
    known = {
        "token": token,
        "other_token": other_token,
        "base": base,
        "run": secrets.token_hex(4),
        "guid": str(uuid.uuid4()),
    }
    failures = []
    for number, step in enumerate(scenario["steps"], 1):
        answer = _send_step(step, base, known)
        where = f"step {number} {step['method']} {step['path']}"
        expected = step["expect"]
        if answer.status not in expected["status"]:
            failures.append(f"{where}: status {answer.status}, wanted {expected['status']}: {answer.text[:300]}")
        for check in expected.get("checks", ()):
            for path, wanted in check.items():
                problem = _judge(answer, path, _fill(wanted, known))
                if problem:
                    failures.append(f"{where}: {path} {problem}: {answer.text[:600]}")
        for name, path in (step.get("capture") or {}).items():
            known[name] = str(_find(answer.json, path))
    return failures


def _send_step(step: Mapping[str, Any], base: str, known: Mapping[str, str]) -> Answer:
    encoded = {name: quote(value, safe="") for name, value in known.items()}
    path = _fill(step["path"], encoded)
    if step.get("query") is not None:
        path += f"?{_fill(step['query'], encoded)}"
    headers = {name: _fill(value, known) for name, value in (step.get("headers") or {}).items() if value is not None}
    body = step.get("body")
    sent = None if body is None else _fill(body, known)
    return send(base, step["method"], path, headers, None if sent is None else _encode(sent))


def _encode(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def _fill(value: Any, known: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda found: known.get(found.group(1), found.group(0)), value)
    if isinstance(value, list):
        return [_fill(element, known) for element in value]
    if isinstance(value, dict):
        return {_fill(name, known): _fill(part, known) for name, part in value.items()}
    return value


def _find(document: Any, path: str) -> Any:
    found = document
    for name, quoted, index, key, wanted in _STEP.findall(path.removeprefix("$")):
        if index:
            found = found[int(index)] if isinstance(found, list) and int(index) < len(found) else _MISSING
        elif key:
            elements = found if isinstance(found, list) else []
            found = next((one for one in elements if isinstance(one, dict) and one.get(key) == wanted), _MISSING)
        else:
            found = found.get(name or quoted, _MISSING) if isinstance(found, dict) else _MISSING
    return found


def _judge(answer: Answer, path: str, wanted: Any) -> str:
    """Why the value at `path` is not as wanted; "" when it is."""
    if path.startswith("header:"):
        value: Any = answer.headers.get(path.removeprefix("header:").lower(), _MISSING)
    elif path == "body":
        value = answer.text
    elif answer.json is None:
        return ""
    else:
        value = _find(answer.json, path)
    if isinstance(wanted, dict) and any(name.startswith("$") for name in wanted):
        failed = [
            name for name, operand in wanted.items() if name != "$by" and not _holds(name, operand, value, wanted)
        ]
        return f"is {_shown(value)}, which fails {', '.join(failed)} of {wanted}" if failed else ""
    is_equal = value == wanted and isinstance(value, bool) == isinstance(wanted, bool)
    return "" if is_equal else f"is {_shown(value)}, wanted {wanted!r}"


def _shown(value: Any) -> str:
    return "absent" if value is _MISSING else repr(value)


_TYPES = {"string": str, "number": (int, float), "boolean": bool, "object": dict, "array": list}


def _is_empty(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_empty, value.values()))
    return value is _MISSING or value is None or value in ("", [])


def _by(elements: Any, key: str) -> set[Any]:
    return {element.get(key) for element in elements} if isinstance(elements, list) else set()


def _walk(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [pair for name, part in value.items() for pair in [(name, part), *_walk(part)]]
    return [pair for part in value for pair in _walk(part)] if isinstance(value, list) else []


def _holds(name: str, operand: Any, value: Any, wanted: Mapping[str, Any]) -> bool:
    size = len(value) if isinstance(value, (list, str, dict)) else -1
    key = wanted.get("$by", "value")
    match name:
        case "$absent":
            return (value is _MISSING) == operand
        case "$absent_or_empty":
            return _is_empty(value) == operand
        case "$absent_or_len_lte":
            return value is _MISSING or value is None or 0 <= size <= operand
        case "$nonempty":
            return (not _is_empty(value)) == operand
        case "$type":
            return isinstance(value, _TYPES[operand]) and (operand != "number" or not isinstance(value, bool))
        case "$regex":
            return isinstance(value, str) and re.search(operand, value) is not None
        case "$not_regex":
            return not (isinstance(value, str) and re.search(operand, value))
        case "$ne":
            return bool(value != operand)
        case "$any_of":
            return value in operand
        case "$contains":
            return value is not _MISSING and all(one in value for one in operand)
        case "$len":
            return size == operand
        case "$len_lte":
            return 0 <= size <= operand
        case "$len_gte":
            return size >= operand
        case "$gte":
            return isinstance(value, (int, float)) and value >= operand
        case "$set_of":
            return _by(value, key) == set(operand) and len(value) == len(operand)
        case "$superset_of":
            return _by(value, key) >= set(operand)
        case "$no_nulls":
            return all(part is not None for _, part in _walk(value))
        case "$no_key":
            return all(part != operand for part, _ in _walk(value))
        case "$empty":
            return _is_empty(value) == operand
    raise AssertionError(f"unknown check {name}")
