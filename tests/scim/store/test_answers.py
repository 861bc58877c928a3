"""Resources as JSON that PostgreSQL makes: what one statement reads, and for whom."""

import json

import pytest

from scim.clients import STRICT
from scim.protocol.attributes import GROUP, USER
from scim.protocol.projection import WHOLE, parse_projection
from scim.store.answers import etag, location_base, read_one
from scim.store.filters import FALSE, Sql
from tests.factories import make_group, make_user


def read(provider, resource, known=USER, attributes="", **more):
    projection = parse_projection(attributes, "", known, STRICT) if attributes else WHOLE
    answer = read_one(provider.pk, known, resource.pk, projection, **more)
    return answer and json.loads(answer.body)


def test_a_user_bears_its_groups_in_answer_and_etag(provider, django_assert_num_queries):
    user = make_user(provider, title="Nurse")
    alone = read_one(provider.pk, USER, user.pk, WHOLE)
    care = make_group(provider, "Care", [user])
    with django_assert_num_queries(1):
        together = read_one(provider.pk, USER, user.pk, WHOLE)
    body = json.loads(together.body)
    assert body["title"] == "Nurse" and "groups" not in json.loads(alone.body)
    assert [(one["value"], one["display"], one["type"]) for one in body["groups"]] == [(str(care.pk), "Care", "direct")]
    assert alone.etag == etag(1, None) and together.etag.startswith('W/"1-')
    assert together.etag == body["meta"]["version"]


@pytest.mark.parametrize(("attributes", "has_display"), [("", False), ("members.display", True)])
def test_a_members_name_comes_when_it_is_asked_for(provider, attributes, has_display):
    group = make_group(provider, "Care", [make_user(provider, "jane@x")])
    (member,) = read(provider, group, GROUP, attributes)["members"]
    assert (member.get("display") == "jane@x") == has_display


def test_a_window_cuts_the_members(provider):
    users = sorted((make_user(provider) for _ in range(3)), key=lambda user: user.pk)
    group = make_group(provider, "Care", users)
    window = Sql("m.member_id > %s", (users[0].pk,))
    shown = read(provider, group, GROUP, window=window)["members"]
    assert [one["value"] for one in shown] == [str(user.pk) for user in users[1:]]
    assert "members" not in read(provider, group, GROUP, window=FALSE)


def test_another_type_or_provider_finds_nothing(provider, stranger):
    user = make_user(provider)
    assert read(provider, user, GROUP) is None
    assert read(stranger, user) is None


def test_locations_come_from_the_settings(provider, settings):
    user = make_user(provider)
    assert read(provider, user)["meta"]["location"] == f"{location_base(USER)}{user.pk}"
    assert location_base(USER) == f"{settings.OPTIONS.scim_url}/Users/"
