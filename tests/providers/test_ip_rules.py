"""Ranges as people write them, and whom they cover (threat V29, AC-IP-1, AC-ADD-4)."""

from ipaddress import ip_network

import pytest

from providers.ip_rules import MAX_PROBLEMS, RangeProblem, covers, plain_address, read_range, read_ranges


def test_good_lines_are_kept_and_bad_ones_named():
    networks, problems = read_ranges("203.0.113.0/24 # office\n\n1.2.3\n2001:db8::/32\n203.0.113.0/24\n203.0.113.9")
    assert networks == {
        ip_network("203.0.113.0/24"): "office",
        ip_network("2001:db8::/32"): "",
        ip_network("203.0.113.9/32"): "",
    }
    assert [(problem.line, problem.text) for problem in problems] == [(3, "1.2.3")]


def test_reading_stops_after_a_hundred_lines_that_cannot_be_read():
    networks, problems = read_ranges("203.0.113.0/24\n" + "x\n" * 100_000 + "2001:db8::/32")
    assert len(networks) == 1 and [problem.line for problem in problems] == list(range(2, MAX_PROBLEMS + 2))


@pytest.mark.parametrize("text", ["1.2.3", "20.190.137.045", "fe80::1%eth0", "x", "", "1.2.3.4/33"])
def test_ac_ip_1_what_is_no_range(text):
    assert isinstance(read_range(text), RangeProblem)


def test_ac_add_4_host_bits_come_with_a_suggestion():
    problem = read_range("20.190.137.45/18")
    assert isinstance(problem, RangeProblem)
    assert "does not start on a range boundary: did you mean 20.190.128.0/18?" in problem.reason
    assert problem.suggestion == "20.190.128.0/18"


def test_mapped_addresses_are_ipv4():
    assert read_range("::ffff:203.0.113.0/120") == ip_network("203.0.113.0/24")
    assert str(plain_address("::ffff:203.0.113.9")) == "203.0.113.9"
    assert covers([ip_network("203.0.113.0/24")], "::ffff:203.0.113.9")
    assert not covers([], "203.0.113.9")
    assert not covers([ip_network("0.0.0.0/0")], None)
