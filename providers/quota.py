"""How many users and groups a provider may have, so that one token cannot fill the database.

The number counts those in the recycle bin too, as they take the same room. A job copies it to the provider every five
minutes (`providers.totals` keeps it), and the query that finds the caller of a request brings it along: a request pays
nothing, and a provider may pass its limit by what it creates within five minutes. Creating is then rejected; everything
else continues.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext_noop

from providers.models import Provider

# From this share of its limit on, a provider is reported.
NOTICE_PERCENT = 90

_COUNT = """
WITH counted AS (
  SELECT p.id, coalesce(sum(c.live + c.deleted) FILTER (WHERE c.resource_type = 'User'), 0) AS users,
    coalesce(sum(c.live + c.deleted) FILTER (WHERE c.resource_type = 'Group'), 0) AS groups
  FROM providers_provider p LEFT JOIN providers_resourcecount c ON c.provider_id = p.id GROUP BY p.id)
UPDATE providers_provider p SET user_count = c.users, group_count = c.groups
FROM counted c WHERE c.id = p.id AND (p.user_count, p.group_count) IS DISTINCT FROM (c.users, c.groups)
"""


@dataclass(frozen=True)
class Usage:
    """The number of users or groups of a provider as last counted, and the limit; 0 means that there is none."""

    resource_type: str
    count: int
    limit: int

    @property
    def is_full(self) -> bool:
        return 0 < self.limit <= self.count

    @property
    def is_nearly_full(self) -> bool:
        return self.limit > 0 and 100 * self.count >= NOTICE_PERCENT * self.limit


def usage(resource_type: str, count: int) -> Usage:
    """Return a count with the limit for its resource type."""
    options = settings.OPTIONS
    return Usage(resource_type, count, options.provider_users if resource_type == "User" else options.provider_groups)


def usages(provider: Provider) -> Iterator[Usage]:
    """Yield the usage of a provider: users, then groups."""
    yield usage("User", provider.user_count)
    yield usage("Group", provider.group_count)


def count_resources() -> str:
    """Copy the numbers of users and groups to each provider."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT)
    return gettext_noop("counted")
