"""What a run found, as a table to quote and as files to replay."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fuzz.tally import Checked, Outcome, Tally

MARKS = (0.0, 0.1, 0.5, 1.0)
GROWTH = 1.3  # how much larger the largest worker may be at the end than at 10 %
_MB = 1_048_576


@dataclass
class Memory:
    """The resident size of the server's workers, at marks of the way through a part and at its highest."""

    part: str
    at: dict[float, dict[int, int]] = field(default_factory=dict)
    highest: int = 0
    workers: set[int] = field(default_factory=set)

    def note(self, progress: float, sizes: dict[int, int]) -> None:
        """Take a sample. The first one at or after each mark is kept."""
        self.workers |= sizes.keys()
        self.highest = max([self.highest, *sizes.values()])
        for mark in MARKS:
            if progress >= mark and sizes:
                self.at.setdefault(mark, sizes)

    @property
    def grows(self) -> bool:
        """Whether the largest worker at the end is much larger than the largest at 10 %."""
        largest = {mark: max(sizes.values()) for mark, sizes in self.at.items()}
        return 1.0 in largest and 0.1 in largest and largest[1.0] > GROWTH * largest[0.1]

    def line(self) -> str:
        """The line of the table."""
        sizes = " · ".join(
            f"{mark:.0%} {'/'.join(str(round(size / _MB)) for size in sorted(at.values()))}"
            for mark, at in sorted(self.at.items())
        )
        grows = "  GROWS" if self.grows else ""
        return f"{self.part:16}{sizes} · highest {self.highest / _MB:.0f} · {len(self.workers)} workers{grows}"


@dataclass
class Report:
    """The results of all parts of a run."""

    seed: int
    parsers: list[dict[str, Any]] = field(default_factory=list)
    tallies: dict[str, dict[str, Tally]] = field(default_factory=dict)
    memories: list[Memory] = field(default_factory=list)
    checked: list[Checked] = field(default_factory=list)
    checked_after_forms: list[Checked] = field(default_factory=list)
    faults: list[dict[str, Any]] = field(default_factory=list)
    written: list[str] = field(default_factory=list)

    def memory_of(self, part: str) -> Memory:
        """The samples of a part, to be filled."""
        self.memories.append(Memory(part))
        return self.memories[-1]

    def add(self, part: str, outcomes: Iterable[Outcome]) -> None:
        """Add what the processes of a part have found."""
        known = self.tallies.setdefault(part, {})
        for outcome in outcomes:
            self.faults += outcome.faults
            for name, tally in outcome.tallies.items():
                known.setdefault(name, Tally()).merge(tally)

    @property
    def has_faults(self) -> bool:
        """Whether anything is not as it must be."""
        checked = [*self.checked, *self.checked_after_forms]
        return bool(
            self.faults
            or any(result["failures"] for result in self.parsers)
            or any(one.count for one in checked)
            or any(memory.grows for memory in self.memories)
        )

    def write_faults(self, folder: Path) -> None:
        """Write each fault to a file of its own, which `--replay` sends again."""
        for fault in self.faults:
            text = json.dumps(fault, indent=2, ensure_ascii=True) + "\n"
            name = fault["kind"].replace(" ", "-").replace(",", "")
            path = folder / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            self.written.append(f"{fault['why']}  {path}")
        for result in self.parsers:
            self.written += [f"{why}  {path}" for path, why in result["failures"].items()]

    def text(self) -> str:
        """The table."""
        lines = [f"seed {self.seed}", ""]
        if self.parsers:
            lines += [f"{'parser':22}{'inputs':>10}{'faults':>8}{'slowest':>10}  follows coverage"]
            lines += [
                f"{one['target']:22}{one['inputs']:>10,}{len(one['failures']):>8}"
                f"{one.get('slowest_s', 0) * 1_000:>7.0f} ms  {'yes' if one.get('follows_coverage') else 'no'}"
                for one in self.parsers
            ]
            lines.append("")
        for part, tallies in self.tallies.items():
            lines += _table_of(part, tallies)
        if self.memories:
            lines += ["resident memory of the workers, in MB", *(memory.line() for memory in self.memories), ""]
        for when, checked in (("requests", self.checked), ("forms", self.checked_after_forms)):
            if checked:
                lines.append(f"{'invariants after the ' + when:94}{'rows':>10}{'violated':>10}")
                for one in checked:
                    lines.append(f"{one.name:94}{one.rows:>10,}{one.count:>10,}")
                    lines += [f"    {sentence}" for sentence in one.violations]
                lines.append("")
        lines += ["faults:", *self.written] if self.written else []
        lines.append("There are faults." if self.has_faults else "No faults.")
        return "\n".join(lines) + "\n"


_COLUMNS = (
    f"{'number':>9}{'2xx':>9}{'3xx':>7}{'4xx':>9}{'429':>6}{'meant':>7}{'5xx':>6}{'none':>6}{'slow':>6}{'slowest':>10}"
)


def _table_of(part: str, tallies: dict[str, Tally]) -> list[str]:
    total = Tally()
    for tally in tallies.values():
        total.merge(tally)
    rows = [*tallies.items(), ("all", total)]
    return [f"{part:22}{_COLUMNS}", *(_row(name, tally) for name, tally in rows if tally.count), ""]


def _row(name: str, tally: Tally) -> str:
    throttled = tally.statuses[429]
    return (
        f"{name:22}{tally.count:>9,}{tally.of_class(2):>9,}{tally.of_class(3):>7,}{tally.of_class(4) - throttled:>9,}"
        f"{throttled:>6,}{tally.meant:>7,}{tally.of_class(5) - tally.meant:>6,}{tally.statuses[0]:>6,}{tally.slow:>6,}"
        f"{tally.slowest_s * 1_000:>7.0f} ms"
    )
