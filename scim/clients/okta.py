"""Habits of Okta, which replaces users with PUT and renames a group by a PATCH that repeats its id."""

from scim.clients.habit import Habit
from scim.protocol.policy import Fault

HABITS = (
    Habit(
        "okta-read-only-repeated",
        "repeats what only the server sets",
        "Okta documentation, scim-20",
        overlooks=Fault.READ_ONLY_REPEATED,
    ),
)
