"""Memory that a large request needed is given back."""

import gc
from pathlib import Path

import pytest

from iprova_idm import memory


def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4_096 / 1_000_000


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident sizes are read as on Linux")
def test_m8_a_worker_does_not_stay_as_large_as_its_largest_request():
    gc.collect()
    before, kept = resident_mb(), []
    garbage = [[bytes(2_000)] for _ in range(40_000)]
    for _ in range(101):
        kept.append(bytes(2_000))
    garbage.append(garbage)
    del garbage
    assert resident_mb() > before + 60, "a circle, which Python does not free at once"
    memory.release_after(10, memory.LARGE - 1)
    assert resident_mb() > before + 60, "an ordinary request costs nothing"
    memory.release_after(memory.LARGE, 0)
    assert resident_mb() < before + 30
    assert len(kept) == 101
