"""SQL compared with the evaluator in plain Python: every attribute of every schema, generated."""

import json
from random import Random

import pytest

from fuzz.generated import SOUND, sound_filter, sound_value
from providers.events import SYSTEM
from providers.models import Resource
from providers.schemas import add_schema, resource_types_of
from scim.clients import LIBERAL
from scim.protocol.conditions import bind
from scim.protocol.errors import ScimError
from scim.protocol.filters import parse_filter
from scim.protocol.listing import ListQuery, read_filter
from scim.protocol.projection import WHOLE, parse_projection
from scim.store import verbs
from tests.factories import call
from tests.scim.store.evaluator import matches
from tests.scim.store.plans import IDS_ONLY

SUBS = [{"name": kind, "type": kind} for kind in SOUND]
CUSTOM = [
    *({"name": kind, "type": kind} for kind in SOUND),
    *({"name": f"{kind}s", "type": kind, "multiValued": True} for kind in SOUND),
    {"name": "exact", "caseExact": True},
    {"name": "part", "type": "complex", "subAttributes": SUBS},
    {
        "name": "parts",
        "type": "complex",
        "multiValued": True,
        "subAttributes": [{"name": "value"}, {"name": "primary", "type": "boolean"}, *SUBS],
    },
]


@pytest.fixture
def types(provider):
    for name in ("User", "Group"):
        document = {"id": f"urn:example:all:{name}", "attributes": CUSTOM}
        add_schema(provider, document, SYSTEM, resource_type=name)
    provider.refresh_from_db()
    return resource_types_of(provider.pk, provider.schemas_version)


def fill(random, provider, known, held):
    """A few resources with whatever a client may set; what cannot be is left out again."""
    for number in range(12):
        body = {"userName": f"u{number}", "displayName": f"{random.choice('aAbé')}{number}"}
        extension = known.extensions[-1]
        for home, attributes in (
            (body, known.schema.attributes),
            (body.setdefault(extension.id, {}), extension.attributes),
        ):
            for attribute in random.sample(attributes, min(8, len(attributes))):
                if attribute.mutability == "readWrite" and attribute.name not in ("members", "schemas"):
                    home.setdefault(attribute.name, sound_value(random, attribute))
        if known.name == "Group":
            body["members"] = [{"value": one} for one in random.sample(held, min(3, len(held)))]
        try:
            held.append(verbs.create(call(provider, known), body).id)
        except ScimError as error:
            assert error.scim_type == "invalidValue", error.detail  # such as a userName of nothing visible


def whole(provider, known):
    """Each resource as a client reads it, with meta and its relation, of a group with the members' names."""
    named = parse_projection("members.value,members.$ref,members.type,members.display", "", known, LIBERAL)
    for pk in Resource.objects.filter(provider=provider, resource_type=known.name).values_list("pk", flat=True):
        parts = [verbs.read(call(provider, known, projection=one), str(pk)) for one in (WHOLE, named)]
        yield json.loads(parts[0].body) | json.loads(parts[1].body)


@pytest.mark.smoke
@pytest.mark.parametrize("seed", range(4))
def test_sql_and_the_evaluator_agree_on_every_kind_of_attribute(provider, types, seed):
    random, held, told_apart = Random(seed), [], 0
    for known in types:
        fill(random, provider, known, held)
    for known in types:
        documents = list(whole(provider, known))
        assert len(documents) > 8
        targets = list(known.targets())
        for _ in range(250):
            text = sound_filter(random, targets)
            condition = bind(parse_filter(text), known, LIBERAL)
            wanted = {one["id"] for one in documents if matches(condition, one)}
            query = ListQuery(read_filter(text, [known], LIBERAL), count=1_000)
            page = verbs.list_resources(provider.pk, [(known, IDS_ONLY)], query, LIBERAL)
            assert {json.loads(body)["id"] for _, body in page.resources} == wanted, text
            told_apart += 0 < len(wanted) < len(documents)
    assert told_apart > 100
