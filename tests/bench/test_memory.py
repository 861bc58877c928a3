"""What `make memory` sends."""

import json

from bench import memory


def test_large_bodies_are_as_large_as_a_body_may_be():
    ids = [f"01a22451-c920-75f1-b4e4-{number:012x}" for number in range(345_000)]
    requests = [*memory.honest(ids, "group", "user"), *memory.hostile("user")]
    sizes = [len(one.body()) for one in requests if "16 MiB" in one.name]
    assert len(sizes) == 7
    assert all(0.99 < size / (16 * memory.MIB) <= 1 for size in sizes)


def test_a_large_group_names_each_member_once():
    ids = [f"01a22451-c920-75f1-b4e4-{number:012x}" for number in range(50)]
    for is_short in (True, False):
        members = json.loads(memory.members(ids, is_short=is_short))["members"]
        assert [member["value"] for member in members] == ids
