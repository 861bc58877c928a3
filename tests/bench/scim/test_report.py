"""The tables of docs/performance.md."""

import pytest

from bench.scim import report
from bench.scim.growth import Curve
from bench.scim.measure import Batch, Cell
from bench.scim.plot import plot
from bench.scim.servers import OURS, SQL
from bench.scim.throughput import Load
from bench.scim.trips import Trips


def cell(server, database=0.0, wal=0.0, times=(1.0,), **more):
    return Cell([Batch(server, database, wal, 0.0, list(times))], [0.5], **more)


CELLS = {
    "get": {OURS: cell(1.0, 0.5), SQL: cell(0.5), "a": cell(0.5, losses={"title"}), "b": cell(0.25), "c": Cell()},
    "create": {OURS: cell(1.0, 1.0, 12_000), SQL: cell(1.0), "a": Cell(wrong="status 501"), "b": cell(3.0)},
}


def test_costs_are_in_times_the_empty_view_and_wrong_responses_have_none():
    text = report.costs(CELLS, {"c": "Node.js is not installed"})
    assert "| get | 2.00 + 1.00 | 1.00 (0.3 ×) | 1.00 (0.3 ×), *drops title* | 0.50 (0.2 ×) | ** |" in text
    assert "| create | 2.00 + 2.00 | 2.00 (0.5 ×) | *status 501* | 6.00 (1.5 ×) | *Node.js is not installed* |" in text
    assert text.endswith("c is missing: Node.js is not installed.")


def test_a_peer_is_cheaper_only_with_right_responses_and_the_floor_is_none():
    assert report.cheaper_peers(CELLS).endswith(":\n\n- get: b 0.17 ×")
    assert report.cheaper_peers({"create": CELLS["create"]}).startswith("No peer")


def test_a_target_that_is_missed_says_by_how_much():
    text = report.targets(CELLS)
    assert "| get | 2.00 of 1.7 ×, **18 % above** | 1.00 of 0.45 ×, **122 % above** |  |" in text
    assert "| create | 2.00 of 2.6 × | 2.00 of 1.7 ×, **18 % above** | 12.00 of 10 kB, **20 % above** |" in text


def test_times_and_statements():
    row = {"get": {OURS: cell(1, times=[1.0] * 98 + [9.0, 9.0]), "a": cell(1, times=[2.0])}}
    assert "| get | 1.0 / 9.0 | 2.0 / 2.0 (2.0 ×) |" in report.times(row)
    counted = {OURS: {"create": Trips(3, 2)}, SQL: {}}
    assert "| create | 3 / 2 / 12.0 kB | – / 0 B |" in report.database(CELLS, counted)


def test_loads_are_ratios_to_ours():
    found = {
        OURS: [Load(1, 100.0, [5.0]), Load(8, 200.0, [7.0])],
        "a": [Load(1, 50.0, [9.0]), Load(8, wrong="status 501")],
    }
    text = report.loads(found, {OURS: 100.0, "a": 50.0})
    assert "| a | 50, p99 9 ms (0.5 ×) | *status 501* | 50 MB (0.5 ×) |" in text
    assert "PostgreSQL takes 25 %" in report.workers(Load(8, 1.0, [1.0], 300.0, 100.0, 100.0), 2)


def test_a_section_is_replaced_between_its_marks(tmp_path):
    document = tmp_path / "page.md"
    document.write_text("a\n<!-- bench: x -->\nold\n<!-- end: x -->\nb\n")
    report.write("x", "new \\1", document)
    assert document.read_text() == "a\n<!-- bench: x -->\n\nnew \\1\n\n<!-- end: x -->\nb\n"
    with pytest.raises(ValueError, match="no section y"):
        report.write("y", "", document)


def test_the_page_has_every_section():
    text = report.DOCUMENT.read_text("utf-8")
    for section in ("machine", "cost", "targets", "times", "database", "throughput", "workers", "users", "groups"):
        assert f"<!-- bench: {section} -->" in text and f"<!-- end: {section} -->" in text


def test_growth_is_drawn_and_a_size_without_figures_has_its_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "PLOTS", tmp_path)
    curve = Curve("get", cpu={10: 2.0, 1_000: 3.0}, p50_ms={10: 1.0, 1_000: 1.5})
    broken = Curve("page", cpu={10: 2.0}, p50_ms={10: 1.0}, wrong={1_000: "status 500"})
    text = report.growth([curve, broken], "users", "Requests", "users")
    assert "| get | 1.0 (2.0) | 1.5 (3.0) | 1.50 × |" in text
    assert "| page | 1.0 (2.0) | *status 500* |  |" in text
    assert (tmp_path / "users.svg").read_text().count("<polyline") == 2


def test_the_cost_of_a_member_is_that_of_the_largest_group():
    curves = [Curve("get"), Curve("group with members", cpu_ms={10: 3.0, 1_000: 5.0})]
    assert report.for_each_member(curves) == "The group of 1,000 with its members takes 5.00 µs of CPU for each member."
    assert report.for_each_member([]) == ""


def test_a_plot_puts_powers_of_ten_on_its_edges():
    drawn = plot("A & b", "users", "ms", {"get": {10: 1.0, 1_000: 10.0}})
    assert "A &amp; b" in drawn and '<polyline points="64.0,412.0 570.0,44.0"' in drawn
