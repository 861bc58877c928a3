"""Generated users and groups, as many as wanted (`manage.py fill`).

The columns of one user are made as those of every user are. The others are copies of that text with other names, which
takes a hundredth of the time. A test compares the columns of each copy with those that its document gives.
"""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from providers.resources.rows import differences, subject_of
from scim.protocol.attributes import ENTERPRISE_USER, GROUP, USER, ResourceType
from scim.store.columns import row_of

GIVEN = ("Anna", "Bram", "Daan", "Emma", "Fleur", "Hugo", "Lotte", "Milan", "Noor", "Sanne", "Thijs")
FIRST = ("Bak", "Bos", "Brand", "Dek", "Hoek", "Jan", "Kos", "Lint", "Mei", "Mul", "Pet", "Ver", "Vis", "Wil", "Zand")
LAST = ("berg", "broek", "der", "dijk", "ers", "hout", "huis", "ink", "ker", "ma", "man", "sen", "ser", "stra", "veld")
DEPARTMENTS = ("Care", "Cardiology", "Facilities", "Finance", "Laboratory", "Radiology", "Surgery")

_SPREAD = 0x9E3779B97F4A7C15F39CC0605CEDC835  # an odd number: makes ids that look random, and no two alike
_END = "\x1f"  # between columns; JSON has it as an escape, and no name has it

Made = tuple[dict[str, Any], str, str]  # the columns, the event's subject, the JSON of its changes


def users(count: int, tag: str) -> Iterator[Made]:
    """Yield users as Entra ID provisions them. `tag`, eight hexadecimal digits, makes their names unlike all others.

    One in twenty is disabled.
    """
    templates = {is_active: _made(_user(tag, is_active=is_active), USER) for is_active in (True, False)}
    texts = {is_active: _END.join(_texts(made)) for is_active, made in templates.items()}
    for number in range(1, count + 1):
        given, family = GIVEN[number % len(GIVEN)], FIRST[number % len(FIRST)] + LAST[number // len(FIRST) % len(LAST)]
        department = DEPARTMENTS[number % len(DEPARTMENTS)]
        is_active = number % 20 > 0
        text = texts[is_active].replace("0number0", f"{number:08}")
        text = text.replace("externalid0", str(UUID(int=int(tag, 16) << 96 | number * _SPREAD % 2**96)))
        for placeholder, name in (("Given0", given), ("Family0", family), ("Department0", department)):
            text = text.replace(placeholder, name).replace(placeholder.lower(), name.lower())
        *values, subject, changes = text.split(_END)
        names = (name for name in templates[is_active][0] if name != "active")
        yield {"active": is_active} | dict(zip(names, values, strict=True)), subject, changes


def groups(count: int, tag: str) -> Iterator[Made]:
    """Yield groups. `tag` makes their names unlike all others."""
    for number in range(1, count + 1):
        name = f"{DEPARTMENTS[number % len(DEPARTMENTS)]} {number:08} {tag}"
        yield _made({"schemas": [GROUP.schema.id], "displayName": name, "externalId": f"group-{tag}-{number}"}, GROUP)


def _user(tag: str, *, is_active: bool) -> dict[str, Any]:
    name = f"given0.family0.0number0@{tag}.example"
    return {
        "schemas": [USER.schema.id, ENTERPRISE_USER],
        "userName": name,
        "externalId": "externalid0",
        "active": is_active,
        "displayName": "Given0 Family0",
        "name": {"formatted": "Given0 Family0", "givenName": "Given0", "familyName": "Family0"},
        "emails": [{"type": "work", "primary": True, "value": name}],
        "phoneNumbers": [{"type": "work", "value": "+31 20 0number0"}],
        "preferredLanguage": "nl-NL",
        "title": "Nurse",
        ENTERPRISE_USER: {"department": "Department0", "employeeNumber": "0number0"},
    }


def _made(document: dict[str, Any], resource_type: ResourceType) -> Made:
    changes = json.dumps(differences({}, document), ensure_ascii=False)
    return row_of(document, resource_type).columns, subject_of(document), changes


def _texts(made: Made) -> list[str]:
    columns, subject, changes = made
    return [*(str(value) for name, value in columns.items() if name != "active"), subject, changes]
