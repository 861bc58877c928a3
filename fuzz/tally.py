"""What a kind of input led to: how many, which statuses, the slowest; and the faults, with what was sent."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from fuzz.wire import Response

SHOWN = 3  # violations of an invariant that are printed
MAX_KEPT = 10  # faults of one kind with their requests; further ones are counted


@dataclass
class Tally:
    """The results of one kind of input in one process. `logged` counts statuses that the log must have rows for."""

    statuses: Counter[int] = field(default_factory=Counter)
    meant: int = 0  # of 500 and above, but right (`is_meant`)
    slow: int = 0
    slowest_s: float = 0.0

    @property
    def count(self) -> int:
        return self.statuses.total()

    def of_class(self, hundreds: int) -> int:
        """How many responses had a status from 100 times `hundreds`."""
        return sum(count for status, count in self.statuses.items() if status // 100 == hundreds)

    @property
    def faults(self) -> int:
        """How many responses of 500 and above nobody means, and how many requests got no response."""
        return self.of_class(5) - self.meant + self.statuses[0]

    def add(self, response: Response) -> None:
        self.statuses[response.status] += 1
        self.meant += is_meant(response)
        self.slowest_s = max(self.slowest_s, response.took_s)

    def merge(self, other: "Tally") -> None:
        """Add the results of another process."""
        self.statuses += other.statuses
        self.meant += other.meant
        self.slow += other.slow
        self.slowest_s = max(self.slowest_s, other.slowest_s)


def is_meant(response: Response) -> bool:
    """Whether a status of 500 and above is one that is right for the request.

    501 is for what this server does not have: /Me (RFC 7644 §3.11), and transfer codings that gunicorn does not know
    (RFC 9112 §6.1). 503 is for a provider that is paused or held and for a request that ran out of time: the response
    contains when to come back.
    """
    return response.status == 501 or (response.status == 503 and response.header("Retry-After") != "")


@dataclass
class Outcome:
    """What one process found: a tally for each kind, statuses of logged requests, and faults to write out."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    logged: Counter[int] = field(default_factory=Counter)
    provider_id: int = 0
    faults: list[dict[str, Any]] = field(default_factory=list)

    def note(self, kind: str, fault: dict[str, Any]) -> None:
        """Keep a fault, unless there are enough of this kind."""
        if sum(known["kind"] == kind for known in self.faults) < MAX_KEPT:
            self.faults.append({"kind": kind, **fault})


@dataclass
class Checked:
    """An invariant, how many rows it was checked on, and sentences about those that violate it."""

    name: str
    rows: int
    violations: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, sentence: str) -> None:
        self.count += 1
        if len(self.violations) < SHOWN:
            self.violations.append(sentence[:300])
