"""A process that sends generated SCIM requests for one provider, one after the other, and judges the responses."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from fuzz.requests import KINDS, Cast, Kind
from fuzz.tally import Outcome, Tally, is_meant
from fuzz.wire import Request, Response, Wire

MAX_TRIES, MAX_TRY_S = 150, 30  # to make a request smaller that shows a fault
_ID = re.compile(r"/scim/(?:v2/)?(Users|Groups)/([0-9a-f-]{36})")


def send_requests(
    port: int, cast: Cast, count: int, seed: str, sent: Callable[[], Any], patience: float = 1.0
) -> Outcome:
    """Send `count` requests that follow from `seed`. `sent` is called after each; `patience` multiplies time limits."""
    random = Random(seed)
    wire = Wire(port)
    kinds = {kind.name: replace(kind, limit_s=kind.limit_s * patience) for kind in KINDS}
    outcome = Outcome({name: Tally() for name in kinds})
    shares = [kind.share for kind in KINDS]
    for number in range(count):
        kind = kinds["delete"] if cast.is_full() else random.choices(list(kinds.values()), shares)[0]
        request = kind.make(random, cast)
        response = wire.send(request, ends=kind.ends)
        outcome.tallies[kind.name].add(response)
        if kind.is_logged:
            outcome.logged[response.status] += 1
            if response.status == 201 or (response.status == 200 and kind.name == "bulk"):
                cast.learn(response.body)
        if why := fault_in(kind, response):
            if why == "slow":
                why = _still_slow(wire, kind, request, response, outcome)
            if why:
                steps = _as_steps(wire, kind, request, why, outcome)
                outcome.note(kind.name, {"why": why, "seed": seed, "number": number, "steps": steps})
        sent()
    wire.close()
    return outcome


def fault_in(kind: Kind, response: Response) -> str:
    """What is wrong with a response; "" if nothing is."""
    if response.status == 0:
        return "" if kind.ends else "no response"
    if response.status >= 500 and not is_meant(response):
        return str(response.status)
    return "slow" if response.took_s > kind.limit_s else ""


def _still_slow(wire: Wire, kind: Kind, request: Request, first: Response, outcome: Outcome) -> str:
    """Send a slow request twice more: the machine may have been busy with something else."""
    times = [first.took_s]
    for _ in range(2):
        response = _again(wire, kind, request, outcome)
        times.append(response.took_s)
    if min(times) <= kind.limit_s:
        return ""
    outcome.tallies[kind.name].slow += 1
    return f"slow: {min(times):.1f} s"


def _again(wire: Wire, kind: Kind, request: Request, outcome: Outcome) -> Response:
    response = wire.send(request, ends=kind.ends)
    if kind.is_logged:
        outcome.logged[response.status] += 1
    return response


def _as_steps(wire: Wire, kind: Kind, request: Request, why: str, outcome: Outcome) -> list[dict[str, Any]]:
    """The request, as small as it still shows the fault, behind the creation of the resource that it is about."""

    def shows_it(smaller: Request) -> bool:
        again = fault_in(kind, _again(wire, kind, smaller, outcome))
        return again == why or (again == "slow" and why.startswith("slow"))

    if shows_it(request):
        request = smallest(request, shows_it)
    steps = [as_json(request)]
    for kind_path, one in dict.fromkeys(_ID.findall(request.target)):
        authorization = tuple(header for header in request.headers if header[0] == "Authorization")
        held = _again(wire, kind, Request("GET", f"/scim/{kind_path}/{one}", authorization), outcome)
        if held.status == 200:
            document = json.loads(held.body)
            for name in ("id", "meta", "groups", "members"):
                document.pop(name, None)
            create = Request("POST", f"/scim/{kind_path}", (("Content-Type", "application/scim+json"),))
            steps.insert(0, as_json(replace(create, body=json.dumps(document).encode())) | {"makes": one})
    return steps


def as_json(request: Request) -> dict[str, Any]:
    """A request for a file. The token is left out: a replay has its own."""
    body = request.body
    try:
        text: Any = None if body is None else body.decode()
    except UnicodeDecodeError:
        text = {"hex": body.hex()} if body is not None else None
    headers = [[name, _TOKEN.sub("{token}", sent)] for name, sent in request.headers]
    return {"method": request.method, "target": request.target, "headers": headers, "body": text}


_TOKEN = re.compile(r"ipr_[A-Za-z0-9_-]{20,}")


def from_json(step: dict[str, Any], token: str, made: dict[str, str]) -> Request:
    """A request of a file, with a token, and with the ids of what its earlier steps have made."""

    def fill(text: str) -> str:
        text = text.replace("{token}", token)
        for old, new in made.items():
            text = text.replace(old, new)
        return text

    headers = [(name, fill(sent)) for name, sent in step["headers"]]
    if "makes" in step:
        headers.append(("Authorization", f"Bearer {token}"))
    body = step["body"]
    sent = bytes.fromhex(body["hex"]) if isinstance(body, dict) else None if body is None else fill(body).encode()
    return Request(step["method"], fill(step["target"]), tuple(headers), sent)


def smallest(request: Request, shows_it: Callable[[Request], bool]) -> Request:
    """A smaller request for which `shows_it` still holds, after at most `MAX_TRIES` tries or `MAX_TRY_S` seconds."""
    tries, end = 0, time.monotonic() + MAX_TRY_S
    is_smaller = True
    while is_smaller:
        is_smaller = False
        for smaller in _smaller(request):
            tries += 1
            if tries > MAX_TRIES or time.monotonic() > end:
                return request
            if shows_it(smaller):
                request, is_smaller = smaller, True
                break
    return request


def _smaller(request: Request) -> list[Request]:
    """Requests with a header, a parameter or a part of the body less."""
    found = [
        replace(request, headers=tuple(one for one in request.headers if one != header))
        for header in request.headers
        if header[0] not in ("Authorization", "Content-Type")
    ]
    path, _, query = request.target.partition("?")
    pairs = query.split("&") if query else []
    for place in range(len(pairs)):
        fewer = "&".join(pairs[:place] + pairs[place + 1 :])
        found.append(replace(request, target=f"{path}?{fewer}" if fewer else path))
    if request.body:
        try:
            parts = list(_without_a_part(json.loads(request.body)))
        except (ValueError, RecursionError):
            half = len(request.body) // 2
            return [*found, replace(request, body=request.body[:half]), replace(request, body=request.body[half:])]
        found += [replace(request, body=json.dumps(part).encode()) for part in parts]
    return found


def _without_a_part(document: Any) -> list[Any]:
    """A JSON document without half of a long list or text, without one part, or with a smaller part."""
    if isinstance(document, list):
        half = len(document) // 2
        halves = [document[:half], document[half:]] if half > 1 else []
        places = range(min(len(document), 8))
        less = [document[:place] + document[place + 1 :] for place in places]
        inner = [
            [*document[:place], part, *document[place + 1 :]]
            for place in places
            for part in _without_a_part(document[place])
        ]
        return [*halves, *less, *inner]
    if isinstance(document, dict):
        names = list(document)
        less_named = [{one: document[one] for one in names if one != name} for name in names[:8]]
        return less_named + [document | {name: part} for name in names[:8] for part in _without_a_part(document[name])]
    return [document[: len(document) // 2]] if isinstance(document, str) and len(document) > 8 else []
