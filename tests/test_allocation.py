"""Freed memory that is kept: no page is faulted in twice. Each case runs in a process of its own."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import resource, torch
from gnref.allocation import described, keep_freed_memory
kept = keep_freed_memory() if {ask} else False
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(2**26 // 4)  # 64 MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
torch.ones(2**27 // 4)  # made and freed first, twice as large: where it was, an aligned block fits in any case
print(kept, faults(), described())
"""


def run(ask: bool, **environment: str) -> tuple[str, int, str]:
    command = [sys.executable, "-c", PROGRAM.format(ask=ask)]
    clean = {key: value for key, value in os.environ.items() if "MALLOC" not in key}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**clean, **environment})
    kept, faults, described = done.stdout.strip().split(" ", 2)
    return kept, int(faults), described


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
def test_a_large_map_is_faulted_in_once() -> None:
    """64 MB are 16384 pages of 4 KB, or 32 of 2 MB where the system joins them."""
    kept, faults, described = run(ask=True)
    if kept == "False":
        pytest.skip("not glibc's allocator")
    assert faults < 8
    assert described == "freed memory is kept"
    assert run(ask=False)[1] >= 32


def test_what_the_environment_says_stays() -> None:
    kept, _, described = run(ask=True, MALLOC_TOP_PAD_="65536")
    assert (kept, described) == ("False", "MALLOC_TOP_PAD_=65536")
