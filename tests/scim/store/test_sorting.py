"""sortBy and sortOrder (RFC 7644 §3.4.2.3)."""

import pytest

from scim.protocol.attributes import ENTERPRISE_USER, GROUP, USER
from tests.factories import make_group, make_user
from tests.scim.listed import names


@pytest.mark.parametrize(
    ("sort_by", "ascending"),
    [
        ("userName", ["_c@x", "A@x", "b@x"]),
        ("USERNAME", ["_c@x", "A@x", "b@x"]),
        ("title", ["b@x", "A@x", "_c@x"]),
        ("emails", ["b@x", "A@x", "_c@x"]),
        ("emails.value", ["b@x", "A@x", "_c@x"]),
        ("emails.type", ["b@x", "A@x", "_c@x"]),
        ("name.familyName", ["_c@x", "b@x", "A@x"]),
        (f"{ENTERPRISE_USER}:department", ["A@x", "b@x", "_c@x"]),
        ("active", ["b@x", "A@x", "_c@x"]),
        ("meta.created", ["b@x", "A@x", "_c@x"]),
        ("id", ["b@x", "A@x", "_c@x"]),
    ],
)
@pytest.mark.usefixtures("three_users")
def test_sorted_without_regard_to_case_and_the_valueless_last(client, sort_by, ascending):
    assert names(client, sortBy=sort_by) == ascending
    descending = names(client, sortBy=sort_by, sortOrder="Descending")
    missing = [one["userName"] for one in client.get("/Users", filter=f"not ({sort_by} pr)").json()["Resources"]]
    assert descending[: len(missing)] == missing
    if not missing and sort_by != "active":
        assert descending == ascending[::-1]


@pytest.mark.smoke
def test_v32_every_readable_attribute_sorts_and_no_other(client, provider, three_users):
    make_group(provider, "Ward", members=[make_user(provider)])
    for resource_type in (USER, GROUP):
        for target in resource_type.targets():
            answer = client.get(resource_type.endpoint, sortBy=str(target))
            is_hidden = target.leaf.returned == "never"
            has_parts = target.leaf.is_complex and "value" not in target.leaf.subs
            assert answer.status_code == (400 if is_hidden or has_parts else 200), (str(target), answer.content)
            if answer.status_code == 400:
                assert answer.json()["scimType"] == "invalidValue"


@pytest.mark.parametrize(
    "query", [{"sortBy": "userNam"}, {"sortBy": "a b"}, {"sortBy": ENTERPRISE_USER}, {"sortOrder": "up"}]
)
def test_what_cannot_be_sorted_by_is_400(client, query):
    answer = client.get("/Users", **query)
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")
