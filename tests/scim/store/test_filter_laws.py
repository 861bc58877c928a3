"""Laws of filters on generated people and groups: the SQL, our evaluator and scim2-models choose the same ones."""

import json
from dataclasses import replace
from random import Random
from typing import Any

import pytest
import scim2_models
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scim.clients import STRICT
from scim.protocol.attributes import GROUP, USER, ResourceType, Target
from scim.protocol.conditions import bind
from scim.protocol.filters import And, Comparison, Node, Not, Or, Presence, ValuePath, parse_filter, render
from scim.protocol.listing import ListQuery, read_filter
from scim.protocol.paths import AttrPath, find
from scim.protocol.projection import WHOLE, Projection, parse_projection
from scim.store import verbs
from tests.factories import call, make_group, make_user
from tests.scim.generated import Maker
from tests.scim.store.evaluator import matches
from tests.scim.theirs import OUR_TEXTS, model_of

TYPES = {known.name: known for known in (USER, GROUP)}
MODELS = {name: model_of(known) for name, known in TYPES.items()}
WITH_NAMES = {
    USER.name: WHOLE,
    GROUP.name: parse_projection(
        "externalId,displayName,meta,members.value,members.type,members.$ref,members.display", "", GROUP, STRICT
    ),
}
NAMES = ("Anna", "bert_", "c%d", "Ülkü")


def chosen(provider, resource_type: ResourceType, projection: Projection, text: str = "") -> list[Any]:
    query = ListQuery(read_filter(text, [resource_type], STRICT) if text else None, count=1_000)
    page = verbs.list_resources(provider.pk, [(resource_type, projection)], query, STRICT)
    assert page.total == len(page.resources)
    return [json.loads(body) for _, body in page.resources]


def make_cast(provider, people: list[Any], groups: list[Any]) -> dict[str, str]:
    """People, and groups of some of them that the others have left; what stands for their ids and time."""
    users = [make_user(provider, name, **person) for name, person in zip(NAMES, people, strict=False)]
    made: list[Any] = []
    for name, (group, stays) in zip(("Care", "b%"), groups, strict=False):
        made.append(make_group(provider, name, [*users, *made], **group))
        gone = [{"value": str(user.pk)} for user, is_in in zip(users, stays, strict=False) if not is_in]
        leave = {"op": "remove", "path": "members", "value": gone}
        verbs.patch(call(provider, GROUP), str(made[-1].pk), {"Operations": [leave]}, answers=False)
    ids = [str(one.pk) for one in (*users[:2], *made)]
    shown = users[0].created.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return {f"@{number}": ids[number % len(ids)] for number in range(4)} | {"@U": ids[0].upper(), "@T": shown}


@pytest.mark.django_db
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**64))
def test_sql_evaluator_and_scim2_models_choose_the_same(provider, seed):
    random = Random(seed)
    makers = {name: Maker(random, known) for name, known in TYPES.items()}
    people = [makers["User"].resource() for _ in range(random.randint(2, 4))]
    groups = [(makers["Group"].resource(), random.choices((True, False), k=4)) for _ in range(random.randrange(3))]
    with transaction.atomic():
        stand_ins = make_cast(provider, people, groups)
        held = {name: chosen(provider, known, WITH_NAMES[name]) for name, known in TYPES.items()}
        for name in random.choices(("User", "User", "Group"), k=12):
            text = render(makers[name].filter())
            for stand_in, meant in stand_ins.items():
                text = text.replace(stand_in, meant)
            compare_all(provider, TYPES[name], text, held[name])
        transaction.set_rollback(True)


def compare_all(provider, known: ResourceType, text: str, held: list[Any]) -> None:
    node = parse_filter(text)
    condition = bind(node, known, STRICT)
    ours = {one["id"] for one in held if matches(condition, one)}
    by_sql = {one["id"] for one in chosen(provider, known, Projection(only=frozenset()), text)}
    assert by_sql == ours, (text, held)
    model = MODELS[known.name]
    theirs = scim2_models.ScimFilter[model](render(as_they_read(node, known)))
    with OUR_TEXTS:
        found = {one["id"] for one in held if theirs.match(model.model_validate(one), strict=True)}
    assert found == ours, (text, str(theirs), held)


# Where scim2-models reads a filter otherwise than we do, on purpose: our reading in terms of theirs, and why.
READ_OTHERWISE = {
    "ne": "RFC 7644 §3.4.2.2: a multi-valued attribute meets a comparison when one of its values does. Theirs: all do",
    "null": "RFC 7643 §2.5: null is the unassigned attribute, so `emails eq null` is one without values",
    "schema": "RFC 7643 §3.3: an extension is a node of its own in the resource, so `pr` may ask for it",
    "value": "RFC 7643 §2.4: a complex value is known by its sub-attribute `value`, a single one (manager) too",
    "primary": "RFC 7643 §2.4: without `primary` a value is not primary, as if it held false",
    "brackets": "RFC 7644 §3.4.2.2, figure 1: valuePath = attrPath [ ] does not ask for several values",
}


def as_they_read(node: Node, known: ResourceType, home: Target | None = None) -> Node:
    """`node` in words that scim2-models reads as we read `node`; `home`: the attribute before the [ ] around it."""
    match node:
        case And(terms):
            return And(tuple(as_they_read(term, known, home) for term in terms))
        case Or(terms):
            return Or(tuple(as_they_read(term, known, home) for term in terms))
        case Not(inner):
            return Not(as_they_read(inner, known, home))
        case ValuePath(path, inner):
            target = find(path, known)
            inner = as_they_read(inner, known, target)
            return ValuePath(path, inner) if target.attribute.multi_valued else inner  # brackets
    if home is None:
        return _term(node, node.path, find(node.path, known))
    target = Target(home.schema, home.attribute, home.attribute.subs.get(node.path.name.lower()))
    if home.attribute.multi_valued and isinstance(node, Comparison) and target.leaf.assumed is not None:
        return _primary(node)
    path = node.path if home.attribute.multi_valued else AttrPath(home.attribute.name, node.path.name, home.schema)
    return _term(node, path, target, is_one_value=True)


def _primary(node: Comparison) -> Node:
    """`primary eq false` means that it does not hold true."""
    if node.value is None:
        return node
    is_true = Comparison(node.path, "eq", True)
    return is_true if (node.op == "eq") == node.value else Not(is_true)


def _term(node: Node, path: AttrPath, target: Target, *, is_one_value: bool = False) -> Node:
    is_many = target.attribute is not None and target.attribute.multi_valued and not is_one_value
    if target.attribute is None:  # schema
        return Or(tuple(Presence(AttrPath(one.name, "", target.schema)) for one in USER.extensions[0].attributes))
    if isinstance(node, Presence):
        return replace(node, path=path)
    if node.value is None and is_many:
        return Not(Presence(path)) if node.op == "eq" else Presence(path)  # null
    if is_many and target.leaf.assumed is not None:
        return ValuePath(replace(path, sub=""), _primary(replace(node, path=AttrPath(path.sub))))  # primary
    if node.op == "ne" and is_many:
        return ValuePath(replace(path, sub=""), replace(node, path=AttrPath(path.sub or "value")))  # ne
    if node.value is not None and target.leaf.is_complex and not is_many:
        path = replace(path, sub="value")  # value
    return replace(node, path=path)
