"""Queries read from parameters (RFC 7644 §3.4.2) and from a SearchRequest (§3.4.3)."""

import pytest

from scim.clients import LIBERAL, STRICT
from scim.protocol.attributes import GROUP, RESOURCE_TYPES, USER
from scim.protocol.conditions import Constant
from scim.protocol.errors import ScimError
from scim.protocol.listing import (
    SEARCH_SCHEMA,
    ListQuery,
    MemberQuery,
    read_filter,
    read_list_query,
    read_member_query,
    search_parameters,
)


def read(types=(USER,), **parameters):
    return read_list_query({name.lower(): value for name, value in parameters.items()}, types, LIBERAL)


def refused(call, *arguments, **named):
    with pytest.raises(ScimError) as error:
        call(*arguments, **named)
    return error.value.scim_type


def test_nothing_asked_is_the_first_page_of_all():
    assert read() == ListQuery(count=LIBERAL.default_count)


@pytest.mark.parametrize(
    ("parameters", "start_index", "count"),
    [
        ({"startIndex": "0"}, 1, 100),
        ({"startIndex": "-5", "count": "-1"}, 1, 0),
        ({"startIndex": "+7", "count": "0"}, 7, 0),
        ({"count": "999999"}, 1, 1_000),
    ],
)
def test_what_is_out_of_range_is_clamped(parameters, start_index, count):
    query = read(**parameters)
    assert (query.start_index, query.count) == (start_index, count)


def test_a_cursor_takes_no_start_index_and_any_count():
    assert read(cursor="").cursor == ""
    assert refused(read, cursor="", startIndex="2") == "invalidValue"
    assert [read(cursor="", count=sent).count for sent in ("-1", "0", "5000")] == [0, 0, 1_000]
    assert refused(read, cursor="", count="many") == "invalidCount"


@pytest.mark.parametrize("parameters", [{"count": "ten"}, {"count": "1.5"}, {"sortOrder": "up"}, {"sortBy": "shoe"}])
def test_what_cannot_be_read_is_an_invalid_value(parameters):
    assert refused(read, **parameters) == "invalidValue"


def test_sort_by_a_complex_attribute_means_its_value():
    sort = read(sortBy="emails", sortOrder="DESCENDING").sort
    assert str(sort) == "emails.value descending"
    assert refused(read, sortBy="name") == "invalidValue"


def test_several_types_are_sorted_by_their_type_unless_asked_otherwise():
    assert str(read(RESOURCE_TYPES).sort) == "meta.resourceType ascending"


def test_a_filter_is_bound_for_each_type_of_the_query():
    found = read_filter('userName eq "a" or displayName eq "b"', RESOURCE_TYPES, LIBERAL)
    assert set(found.conditions) == {USER.name, GROUP.name}
    assert found.conditions[GROUP.name].terms[0] == Constant(holds=False), "a group has no userName"
    assert (str(found), found.terms) == ('userName eq "a" or displayName eq "b"', 2)


def test_a_filter_of_what_no_type_has_is_refused():
    assert refused(read, filter='shoe eq "a"') == "invalidFilter"
    assert refused(read_filter, "", [USER], LIBERAL) == "invalidFilter"


def test_a_page_of_members_is_asked_for_by_either_parameter():
    assert read_member_query({}, LIBERAL) is None
    assert read_member_query({"memberscount": "5"}, LIBERAL) == MemberQuery(5)
    assert read_member_query({"memberscursor": "x"}, LIBERAL) == MemberQuery(1_000, "x")
    assert read_member_query({"memberscount": "-1"}, LIBERAL) == MemberQuery(0)
    assert refused(read_member_query, {"memberscount": "many"}, LIBERAL) == "invalidCount"


def test_a_search_request_is_the_same_query():
    body = {"schemas": [SEARCH_SCHEMA], "attributes": ["userName", "title"], "startIndex": 2, "filter": None}
    assert search_parameters(body, STRICT) == {"attributes": "userName,title", "startindex": "2"}


@pytest.mark.parametrize("body", [[], "x", {"count": True}, {"attributes": [1]}, {"filter": {}}])
def test_a_search_request_of_another_form_is_refused(body):
    assert refused(search_parameters, body, LIBERAL) in ("invalidSyntax", "invalidValue")
