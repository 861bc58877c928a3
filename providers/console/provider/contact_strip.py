"""The contact strip: when a provider called in the last 24 hours, in periods of 40 minutes: a cycle of Entra ID."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from django.db.models import Count, Q
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from providers.activity import slot_of
from providers.console.frame.page import Text
from providers.console.provider.chart import log_address
from providers.models import RequestCount
from providers.outcomes import Outcome

CYCLE, CYCLES = timedelta(minutes=40), 36


class Contact(Enum):
    """The result of a cycle, the most important one first: the fill of its mark, the mark itself, its words.

    The mark is an SVG path, without the x of its left edge. It is 3 wide and at most 16 high: the marks differ in
    shape, so that colour alone never distinguishes them.
    """

    CHANGES = ("success", "0h3v16h-3z", gettext_lazy("contact with changes"))
    QUIET = ("success", "8h3v8h-3z", gettext_lazy("contact, nothing to change"))
    REFUSED = ("refused", "0h3v6h-3zm0 10h3v6h-3z", gettext_lazy("refused"))
    NONE = ("none", "13h3v3h-3z", gettext_lazy("no contact"))

    def __init__(self, fill: str, mark: str, word: Text) -> None:
        self.fill = fill
        self.mark = mark
        self.word = word


@dataclass(frozen=True)
class Contacts:
    """The last 36 cycles of one provider, oldest first. `start`: when the first of them began."""

    cycles: tuple[Contact, ...]
    provider_id: int = 0
    start: datetime = datetime.min

    @property
    def links(self) -> list[tuple[str, str]]:
        """The log of each cycle: its address, and the time and result of the cycle in words."""
        found = []
        for number, contact in enumerate(self.cycles):
            begin = self.start + number * CYCLE
            times = [date_format(localtime(at), "H:i") for at in (begin, begin + CYCLE)]
            said = f"{' - '.join(times)}: {contact.word}"
            address = log_address(begin, begin + CYCLE, self.provider_id)
            found.append((f"{address}&lookups=1", said))
        return found

    @property
    def count(self) -> int:
        return sum(cycle in {Contact.CHANGES, Contact.QUIET} for cycle in self.cycles)

    @property
    def description(self) -> str:
        said = _("Contact in %(count)s of 36 periods of 40 minutes.") % {"count": self.count}
        if refused := self.cycles.count(Contact.REFUSED):
            said += " " + _("Refused in %(count)s.") % {"count": refused}
        return said

    @property
    def paths(self) -> Mapping[str, str]:
        """The marks of each fill joined into one path, 144 wide."""
        drawn: dict[str, str] = defaultdict(str)
        for number, cycle in enumerate(self.cycles):
            drawn[cycle.fill] += f"M{number * 4} {cycle.mark}"
        return dict(drawn)


def contacts_of(provider_ids: Iterable[int], now: datetime) -> dict[int, Contacts]:
    """Return the contacts of each provider. One query, on the counts for every twenty minutes, not on the log.

    A cycle with an accepted request counts as contact, even if other requests in it were refused.
    """
    start = slot_of(now) + timedelta(minutes=20) - CYCLES * CYCLE
    known = {pk: [Contact.NONE] * CYCLES for pk in provider_ids}
    slots = RequestCount.objects.of_any(known).filter(slot__gte=start).values("provider_id", "slot")
    found = slots.annotate(
        accepted=Count("pk", filter=~Q(outcome=Outcome.REFUSED)),
        changes=Count("pk", filter=Q(outcome=Outcome.SUCCESS, is_change=True)),
    )
    ranks = list(Contact)
    for slot in found.order_by():
        contact = Contact.CHANGES if slot["changes"] else Contact.QUIET if slot["accepted"] else Contact.REFUSED
        own, number = known[slot["provider_id"]], (slot["slot"] - start) // CYCLE
        own[number] = min(own[number], contact, key=ranks.index)
    return {pk: Contacts(tuple(cycles), pk, start) for pk, cycles in known.items()}
