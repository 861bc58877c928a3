"""What is sent, and what must come back: a table of workloads.

A workload is a generator: it yields a request, gets the response, and checks it. So a cycle of several requests reads
as a story. A response that is wrong raises `WrongError` and has no figures; one that only lacks some of what was sent
is measured and named in the tables.
"""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from bench.scim.wire import Answer, Request

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
PAGE = 100
SPREAD = 0x9E3779B97F4A7C15F39CC0605CEDC835  # makes ids that look random, and no two alike
# As varied as in a company: the cost of the indexes depends on how many users share a name.
GIVEN = ("Adele", "Bram", "Daan", "Emma", "Fleur", "Hugo", "Jane", "Lotte", "Milan", "Noor", "Sanne", "Thijs")
FIRST = ("Bak", "Bos", "Brand", "Dek", "Hoek", "Jan", "Kos", "Lint", "Mei", "Mul", "Pet", "Ver", "Vis", "Wil", "Zand")
LAST = ("berg", "broek", "der", "dijk", "ers", "hout", "huis", "ink", "ker", "ma", "man", "sen", "ser", "stra", "veld")
TITLES = ("Nurse", "Surgeon", "Analyst", "Receptionist", "Controller", "Manager", "Technician")
PAGES = 5

Steps = Generator[Request, Answer, None]


class WrongError(Exception):
    """A response that is not the right one. The text has what is wrong, in a few words."""


@dataclass
class User:
    """A user as the client has sent it, with the id that the server gave."""

    id: str
    document: dict[str, Any]


@dataclass
class Known:
    """What a client has made at one server."""

    users: list[User] = field(default_factory=list)
    spare: list[User] = field(default_factory=list)  # to be deleted
    outside: list[User] = field(default_factory=list)  # in no group
    groups: dict[int, str] = field(default_factory=dict)  # by their number of members
    members: dict[int, list[str]] = field(default_factory=dict)
    losses: set[str] = field(default_factory=set)  # attributes that were sent and did not come back
    number: int = 0

    def next(self) -> int:
        self.number += 1
        return self.number

    def turn(self) -> User:
        """Return one user after the other."""
        return self.users[self.next() % len(self.users)]


def document_of(number: int) -> dict[str, Any]:
    """A user as Entra ID sends one: about 700 bytes as JSON."""
    given, family = GIVEN[number % len(GIVEN)], FIRST[number % len(FIRST)] + LAST[number // len(FIRST) % len(LAST)]
    name = f"{given}.{family}{number:07}@contoso.example".lower()
    return {
        "schemas": [USER, ENTERPRISE],
        "externalId": str(UUID(int=number * SPREAD % 2**128)),
        "userName": name,
        "active": True,
        "displayName": f"{given} {family}",
        "name": {"formatted": f"{given} {family}", "familyName": family, "givenName": given},
        "emails": [{"primary": True, "type": "work", "value": name}],
        "phoneNumbers": [{"type": "work", "value": f"+31 20 {number:07}"}],
        "preferredLanguage": "nl-NL",
        "title": TITLES[number % len(TITLES)],
        ENTERPRISE: {"department": f"Department {number % 37}", "employeeNumber": f"{number:07}"},
    }


# Checks


def require(answer: Answer, *statuses: int) -> None:
    if answer.status not in statuses:
        raise WrongError(f"status {answer.status}")


def _holds(sent: Any, got: Any) -> bool:
    """Whether `got` has all of `sent`. It may have more, such as a `display`."""
    if isinstance(sent, dict):
        return isinstance(got, dict) and all(_holds(value, got.get(name)) for name, value in sent.items())
    if isinstance(sent, list):
        return isinstance(got, list) and len(got) == len(sent) and all(map(_holds, sent, got))
    return bool(sent == got)


def check_user(known: Known, user: User, got: Any) -> None:
    """Check a user that came back against what was sent. Note what is missing; another user is an error."""
    lost = {
        name.rpartition(":")[2] if name != ENTERPRISE else "department"
        for name, value in user.document.items()
        if name != "schemas" and not _holds(value, got.get(name))
    }
    if "userName" in lost or (user.id and got.get("id") != user.id):
        raise WrongError("another user")
    known.losses |= lost


def check_list(answer: Answer, total: int) -> list[Any]:
    require(answer, 200)
    got = answer.json
    resources = got.get("Resources") or []
    if got.get("totalResults") != total or len(resources) != total:
        raise WrongError(f"finds {got.get('totalResults')} instead of {total}")
    return list(resources)


# Requests


def _filter(attribute: str, value: str) -> Request:
    return Request("GET", f"/Users?filter={attribute}+eq+%22{value.replace('@', '%40')}%22")


def _patch(path: str, *operations: tuple[str, str, Any]) -> Request:
    made = [{"op": op, "path": target, "value": value} for op, target, value in operations]
    return Request("PATCH", path, {"schemas": [PATCH], "Operations": made})


# Workloads


def get(known: Known) -> Steps:
    user = known.turn()
    answer = yield Request("GET", f"/Users/{user.id}")
    require(answer, 200)
    check_user(known, user, answer.json)


def _found(attribute: str) -> Callable[[Known], Steps]:
    def find(known: Known) -> Steps:
        user = known.turn()
        [got] = check_list((yield _filter(attribute, user.document[attribute])), 1)
        check_user(known, user, got)

    return find


find_by_name, find_by_external_id = _found("userName"), _found("externalId")


def find_nobody(known: Known) -> Steps:
    check_list((yield _filter("userName", f"nobody{known.next()}@contoso.example")), 0)


def create(known: Known) -> Steps:
    known.outside.append((yield from _created(known)))


def _created(known: Known) -> Generator[Request, Answer, User]:
    user = User("", document_of(known.next()))
    answer = yield Request("POST", "/Users", user.document)
    require(answer, 201)
    got = answer.json
    check_user(known, user, got)
    user.id = str(got["id"])
    return user


def load(known: Known) -> Steps:
    known.users.append((yield from _created(known)))


def initial_cycle(known: Known) -> Steps:
    """A user who is new to the server: looked up, created, read."""
    check_list((yield _filter("externalId", document_of(known.number + 1)["externalId"])), 0)
    user = yield from _created(known)
    answer = yield Request("GET", f"/Users/{user.id}")
    require(answer, 200)
    check_user(known, user, answer.json)


def _change(known: Known, user: User, changed: dict[str, Any], *operations: tuple[str, str, Any]) -> Steps:
    answer = yield _patch(f"/Users/{user.id}", *operations)
    require(answer, 200, 204)
    user.document = user.document | changed
    if answer.status == 200:
        check_user(known, user, answer.json)


def patch_as_entra(known: Known) -> Steps:
    """The default dialect of Entra ID: capitalised operations, a value path, a path that begins with a URN."""
    yield from _patch_as_entra(known, known.turn())


def _patch_as_entra(known: Known, user: User) -> Steps:
    number = known.next()
    email, department = f"changed{number:07}@contoso.example", f"Care {number}"
    changed = {
        "emails": [user.document["emails"][0] | {"value": email}],
        ENTERPRISE: user.document[ENTERPRISE] | {"department": department},
    }
    operations = (
        ("Replace", 'emails[type eq "work"].value', email),
        ("Replace", f"{ENTERPRISE}:department", department),
    )
    yield from _change(known, user, changed, *operations)


def incremental_cycle(known: Known) -> Steps:
    """A user who has changed in the directory: found by externalId, changed."""
    user = known.turn()
    [got] = check_list((yield _filter("externalId", user.document["externalId"])), 1)
    check_user(known, user, got)
    yield from _patch_as_entra(known, user)


def patch_active(known: Known) -> Steps:
    user = known.turn()
    active = not user.document["active"]
    yield from _change(known, user, {"active": active}, ("replace", "active", active))


def patch_title(known: Known) -> Steps:
    """What the throughput is measured with: title and e-mail."""
    user, number = known.turn(), known.next()
    email = f"changed{number:07}@contoso.example"
    changed = {"title": f"Nurse {number}", "emails": [user.document["emails"][0] | {"value": email}]}
    operations = (("Replace", "title", changed["title"]), ("Replace", 'emails[type eq "work"].value', email))
    yield from _change(known, user, changed, *operations)


def put(known: Known) -> Steps:
    user = known.turn()
    user.document = user.document | {"title": f"Nurse {known.next()}"}
    answer = yield Request("PUT", f"/Users/{user.id}", user.document)
    require(answer, 200)
    check_user(known, user, answer.json)


def make_spare(known: Known, count: int) -> Steps:
    while len(known.spare) < count:
        known.spare.append((yield from _created(known)))


def delete(known: Known) -> Steps:
    require((yield Request("DELETE", f"/Users/{known.spare.pop().id}")), 204)


def list_page(known: Known) -> Steps:
    answer = yield Request("GET", f"/Users?startIndex=1&count={PAGE}")
    require(answer, 200)
    got = answer.json
    if len(got["Resources"]) != PAGE or got["totalResults"] < PAGE:
        raise WrongError(f"{len(got['Resources'])} resources of {PAGE}")


def cursor_pages(known: Known) -> Steps:
    """Some pages of a list, one after the other (RFC 9865)."""
    cursor, seen = "", set[str]()
    for _ in range(min(PAGES, len(known.users) // PAGE)):
        answer = yield Request("GET", f"/Users?count={PAGE}&cursor={cursor}")
        require(answer, 200)
        got = answer.json
        seen.update(one["id"] for one in got["Resources"])
        if "nextCursor" not in got:
            raise WrongError("no cursor")
        cursor = got["nextCursor"]
    if len(seen) != PAGE * min(PAGES, len(known.users) // PAGE):
        raise WrongError("pages repeat users")


def bulk(known: Known) -> Steps:
    numbers = [known.next() for _ in range(100)]
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": str(number), "data": document_of(number)} for number in numbers
    ]
    answer = yield Request("POST", "/Bulk", {"schemas": [BULK], "Operations": operations})
    require(answer, 200)
    statuses = {str(one["status"]) for one in answer.json["Operations"]}
    if statuses != {"201"}:
        raise WrongError(f"status {', '.join(sorted(statuses))}")


# Groups


def make_group(known: Known, size: int) -> Steps:
    """A group with the first `size` users, made as Entra ID makes one: empty, then members by PATCH."""
    if size in known.groups:
        return
    answer = yield Request("POST", "/Groups", {"schemas": [GROUP], "displayName": f"Group of {size}"})
    require(answer, 201)
    group, members = str(answer.json["id"]), [user.id for user in known.users[:size]]
    for start in range(0, size, 1_000):
        part = [{"value": one} for one in members[start : start + 1_000]]
        require((yield _patch(f"/Groups/{group}", ("Add", "members", part))), 200, 204)
    known.groups[size], known.members[size] = group, members


def add_member(size: int) -> Callable[[Known], Steps]:
    """Add a member to the group and remove it again, so that the group keeps its size."""

    def change(known: Known) -> Steps:
        path, user = f"/Groups/{known.groups[size]}", known.outside[known.next() % len(known.outside)]
        answer = yield _patch(path, ("Add", "members", [{"value": user.id}]))
        require(answer, 200, 204)
        removal = {"op": "Remove", "path": f'members[value eq "{user.id}"]'}
        answer = yield Request("PATCH", path, {"schemas": [PATCH], "Operations": [removal]})
        require(answer, 200, 204)

    return change


def group_head(size: int) -> Callable[[Known], Steps]:
    def read(known: Known) -> Steps:
        answer = yield Request("GET", f"/Groups/{known.groups[size]}?excludedAttributes=members")
        require(answer, 200)
        if answer.json["id"] != known.groups[size] or answer.json.get("members"):
            raise WrongError("with its members")

    return read


def group_with_members(size: int) -> Callable[[Known], Steps]:
    def read(known: Known) -> Steps:
        answer = yield Request("GET", f"/Groups/{known.groups[size]}")
        require(answer, 200)
        if sorted(one["value"] for one in answer.json["members"]) != sorted(known.members[size]):
            raise WrongError("other members")

    return read


@dataclass(frozen=True)
class Workload:
    """A row of the tables. `most`: how often it runs in a round. `before` makes what it uses up, unmeasured."""

    name: str
    run: Callable[[Known], Steps]
    most: int = 60
    before: Callable[[Known, int], Steps] | None = None
    size: int = 0  # of the group that it needs
    is_cycle: bool = False  # its figures are those of all its requests together
    is_quick: bool = True


def workloads(group_sizes: Iterable[int]) -> tuple[Workload, ...]:
    """Return the table, with groups of these sizes."""
    # The groups are read before they are changed: a server that cannot remove a member keeps one too many.
    of_groups = [
        row
        for size in group_sizes
        for row in (
            Workload(f"group of {size:,}, without members", group_head(size), size=size, is_quick=size == 10),
            Workload(f"group of {size:,}, with members", group_with_members(size), 20, size=size),
            Workload(f"add and remove a member, G = {size:,}", add_member(size), 30, size=size),
        )
    ]
    return (
        Workload("get", get),
        Workload("filter userName, hit", find_by_name),
        Workload("filter userName, miss", find_nobody),
        Workload("filter externalId", find_by_external_id),
        Workload("create", create),
        Workload("PATCH as Entra ID sends it", patch_as_entra),
        Workload("PATCH of active", patch_active),
        Workload("PUT", put),
        Workload("delete", delete, before=make_spare),
        Workload("list of 100", list_page, 20),
        Workload("cursor page of 100", cursor_pages, 4),
        *of_groups,
        Workload("bulk of 100", bulk, 2, is_quick=False),
        Workload("Entra ID's initial cycle", initial_cycle, 30, is_cycle=True, is_quick=False),
        Workload("Entra ID's incremental cycle", incremental_cycle, 30, is_cycle=True, is_quick=False),
    )


def nothing(known: Known) -> Steps:
    """DRF's empty view, the unit of all ratios."""
    require((yield Request("GET", "/empty")), 200)


EMPTY = Workload("DRF's empty view", nothing, 150)
