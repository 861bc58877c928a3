"""`make bench-quick ARGS=--check`."""

import json

from bench.scim import quick
from bench.scim.workloads import workloads

COMMITTED = {"get": {"server": 2.0, "database": 0.4}, "put": {"server": 3.0, "database": 1.0}}


def test_a_ratio_may_be_15_percent_above_and_no_more():
    assert quick.worse(COMMITTED, COMMITTED) == []
    assert quick.worse(COMMITTED | {"get": {"server": 2.34, "database": 0.5}}, COMMITTED) == []
    assert quick.worse(COMMITTED | {"get": {"server": 2.36, "database": 0.6}}, COMMITTED) == [
        "get: server 2.36 ×, committed 2.00 ×",
        "get: database 0.60 ×, committed 0.40 ×",
    ]


def test_a_workload_that_fails_is_worse_and_a_new_one_is_not():
    assert quick.worse({"get": COMMITTED["get"], "new": {"server": 9.0}}, COMMITTED) == ["put: not measured"]


def test_the_committed_table_has_every_quick_workload():
    committed = json.loads(quick.TABLE.read_text())
    assert {row.name for row in workloads([10, 1_000]) if row.is_quick} <= committed.keys()
