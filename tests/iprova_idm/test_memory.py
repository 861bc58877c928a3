"""Memory that a large request needed is given back."""

import subprocess
import sys
from ast import literal_eval
from pathlib import Path

import pytest

# 80 MB in pieces of 2 kB, in a circle that Python does not free at once; some pieces between them stay in use.
SCRIPT = """
import gc
from pathlib import Path
from iprova_idm import memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4_096 // 1_000_000

gc.disable()  # it may run at any time, or much later
print(resident())
pieces = [bytes(2_000) for _ in range(40_000)]
kept = pieces[::400]
circle = [pieces]
circle.append(circle)
del pieces, circle
print(resident())
memory.release_after(10, memory.LARGE - 1)
print(resident())
print(memory.release_after(memory.LARGE, 0))
print(resident())
memory.SMALL_MB = 5
print(memory.release_after(memory.LARGE, 0))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident sizes are read as on Linux")
def test_m8_a_worker_does_not_stay_as_large_as_its_largest_request():
    ran = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    before, large, still, is_small, after, is_small_enough = map(literal_eval, ran.stdout.split())
    assert large > before + 60
    assert still >= large - 5, "an ordinary request costs nothing"
    assert after < before + 30
    assert is_small and not is_small_enough
