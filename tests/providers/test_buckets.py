"""Token buckets with a clock that the test moves."""

import os
from array import array

import pytest

from providers.buckets import PLACES, Buckets, shared_table


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def buckets(clock, **limit):
    return Buckets(array("d", bytes(8 * PLACES)), clock=clock, **limit)


def admitted(of, key, count):
    return sum(of.take(key) == 0 for _ in range(count))


def test_a_full_bucket_admits_the_burst_and_then_the_rate(clock):
    of = buckets(clock, rate=50, burst=200)
    assert admitted(of, 1, 1_000) in (199, 200)
    assert admitted(of, 2, 1_000) in (199, 200), "each key has its own"
    clock.now += 1
    assert admitted(of, 1, 1_000) in (49, 50, 51)
    clock.now += 3_600
    assert admitted(of, 1, 1_000) in (199, 200), "it holds no more than the burst"


def test_v30_25_a_second_for_ten_minutes_never_wait(clock):
    of = buckets(clock, rate=50, burst=200)
    for _ in range(600):  # all of a second at once, which is harder than evenly
        assert admitted(of, 1, 25) == 25
        clock.now += 1


def test_v30_the_lowest_rate_that_may_be_set_is_enough_for_25_a_second(clock):
    of = buckets(clock, rate=25, burst=25)
    for _ in range(600 * 25):
        assert of.take(1) == 0
        clock.now += 1 / 25


def test_v30_a_flood_gets_the_rate_and_no_more(clock):
    of = buckets(clock, rate=50, burst=200)
    through = 0
    for _ in range(60_000):
        through += of.take(1) == 0
        clock.now += 0.001
    assert 200 + 59 * 50 <= through <= 201 + 60 * 50


def test_what_has_to_be_waited_is_enough(clock):
    of = buckets(clock, rate=5, burst=50)
    admitted(of, "a", 100)
    wait = of.take("a")
    assert 0 < wait <= 0.2 and of.wait("a") == wait
    clock.now += wait / 2
    assert of.take("a") > 0
    clock.now += wait / 2 + 1e-9
    assert of.wait("a") == 0 and of.take("a") == 0


def test_what_is_spent_beyond_the_bucket_is_a_debt(clock):
    of = buckets(clock, rate=50, burst=200)
    assert of.take(1) == 0
    of.spend(1, 999)
    assert of.take(1) == pytest.approx((1_000 - 199) / 50)
    clock.now += 16.1
    assert of.take(1) == 0


def test_what_is_given_back_can_be_taken_again(clock):
    of = buckets(clock, rate=1, burst=5)
    for _ in range(20):
        assert of.take("a") == 0
        of.give_back("a")
    assert of.missing("a") == pytest.approx(0)
    assert admitted(of, "a", 9) == 5, "never more than the burst"


def test_a_rate_of_0_is_no_limit(clock):
    of = buckets(clock, rate=0, burst=200)
    of.spend(1, 10_000)
    assert admitted(of, 1, 10_000) == 10_000 and of.wait(1) == 0 and of.missing(1) == 0


def test_v30_memory_does_not_grow_with_the_number_of_addresses(clock):
    table = array("d", bytes(8 * PLACES))
    of = Buckets(table, rate=5, burst=50, clock=clock)
    for number in range(200_000):
        of.take(f"2001:db8:{number:x}::")
    assert len(table) == PLACES
    assert vars(of).keys() == vars(buckets(clock, rate=5, burst=50)).keys()


def test_v30_processes_that_were_forked_share_a_bucket():
    of = Buckets(shared_table(0), rate=1, burst=10)
    key = f"test {os.getpid()}"
    assert admitted(of, key, 4) == 4
    child = os.fork()
    if not child:
        os._exit(admitted(of, key, 100))
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 6
    assert of.take(key) > 0
