"""How many users and groups each provider has: exact, and without counting them.

Counting a million rows takes half a second, and one counter for each provider would make its creations wait for each
other. So the number is a sum of rows (`ResourceCount`), which triggers keep (migration 0028):

    a resource is created or purged                     a row of +1 or -1; one for all resources of the statement
    one is deleted, restored, disabled or enabled       a row for what it was, and one for what it is
    one row in a hundred, by the hash of its id         replaces all rows of its provider and type by their sum

A transaction only inserts rows of its own. The last step leaves out rows that another transaction is replacing. So
nobody waits, and a reader adds up a few hundred rows at most. Rows and their sum are replaced in one statement, so the
sum is exact in each snapshot, and what is rolled back never counts.

As triggers do this, no write can forget it: imports, SQL by hand, and an older version that runs during an upgrade.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection
from django.db.models import Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_noop

from providers.models import ResourceCount

logger = logging.getLogger(__name__)

# SQL for the number of live resources of a provider. Parameters: the provider, and an array of resource types.
LIVE_TOTAL = """(
SELECT COALESCE(sum(c.live), 0) FROM providers_resourcecount c WHERE c.provider_id = %s AND c.resource_type = ANY(%s))
"""


@dataclass(frozen=True)
class Total:
    """The number of a provider's live users, or groups, and how many of them are disabled."""

    live: int = 0
    disabled: int = 0

    @property
    def active(self) -> int:
        return self.live - self.disabled


def totals(resource_type: str, provider_ids: Iterable[int]) -> dict[int, Total]:
    """Return the total of each of these providers. One query."""
    found = dict.fromkeys(provider_ids, Total())
    rows = ResourceCount.objects.filter(resource_type=resource_type, provider_id__in=list(found))
    sums = rows.values_list("provider_id").annotate(Sum("live"), Sum("disabled"))
    return found | {provider_id: Total(live, disabled) for provider_id, live, disabled in sums}


def total_of_all(resource_type: str) -> Total:
    """Return the total of all providers together. One query."""
    found = ResourceCount.objects.filter(resource_type=resource_type)
    sums = found.aggregate(live=Coalesce(Sum("live"), 0), disabled=Coalesce(Sum("disabled"), 0))
    return Total(**sums)


# One statement, so all numbers are of one moment; the differences are added as rows like all others. Each number of
# resources is read from an index.
_CORRECT = """
WITH differences AS (
  SELECT provider_id, resource_type, sum(live) AS live, sum(disabled) AS disabled, sum(deleted) AS deleted FROM (
    SELECT provider_id, resource_type, count(*) AS live, 0 AS disabled, 0 AS deleted
    FROM providers_resource WHERE deleted_at IS NULL GROUP BY 1, 2
    UNION ALL SELECT provider_id, resource_type, 0, count(*), 0
    FROM providers_resource WHERE deleted_at IS NULL AND NOT active GROUP BY 1, 2
    UNION ALL SELECT provider_id, resource_type, 0, 0, count(*)
    FROM providers_resource WHERE deleted_at IS NOT NULL GROUP BY 1, 2
    UNION ALL SELECT provider_id, resource_type, -live, -disabled, -deleted FROM providers_resourcecount) numbers
  GROUP BY 1, 2
)
INSERT INTO providers_resourcecount (provider_id, resource_type, live, disabled, deleted)
SELECT * FROM differences WHERE live <> 0 OR disabled <> 0 OR deleted <> 0
"""


def check_totals() -> str:
    """Count the users and groups of each provider, and correct totals that differ: then something is wrong."""
    with connection.cursor() as cursor:
        cursor.execute(_CORRECT)
        if not cursor.rowcount:
            return gettext_noop("all correct")
        logger.error("The totals of %d providers and types differed from what was counted; corrected.", cursor.rowcount)
        return gettext_noop("there were wrong ones, which are corrected")
