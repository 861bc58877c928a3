"""What became of a request, in the six words that every page uses (console.md §3.5)."""

from providers.models import Outcome

CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def outcome_of(status: int) -> Outcome:
    """The class of an HTTP status; the log's own column is made by the same rules (migration 0007)."""
    if status < 400:
        return Outcome.SUCCESS
    if status in (401, 403):
        return Outcome.REFUSED
    if status == 404:
        return Outcome.NOT_FOUND
    # 503 is what a paused provider gets: like 429 it says "later", and nothing of ours failed.
    if status in (429, 503):
        return Outcome.THROTTLED
    # 501 is the client's mistake: it asked for a part of SCIM that /ServiceProviderConfig says is not there.
    return Outcome.REJECTED if status < 500 or status == 501 else Outcome.ERROR


def is_problem(outcome: str, *, is_change: bool) -> bool:
    """Whether it counts as an error: looking for somebody who is not there is none (AC-HEA-3)."""
    if outcome == Outcome.NOT_FOUND:
        return is_change
    return outcome in (Outcome.REJECTED, Outcome.REFUSED, Outcome.ERROR)
