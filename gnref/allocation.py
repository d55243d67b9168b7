"""Freed memory stays with the process, so that large maps are not faulted in anew at every use."""

import ctypes
import os

_WANTED = {"MMAP_THRESHOLD": (-3, 2**30), "TRIM_THRESHOLD": (-1, 2**31 - 1), "TOP_PAD": (-2, 2**26)}
"""glibc's parameters by their environment variables' names: mallopt's number for each, and bytes."""

_kept = False


def keep_freed_memory() -> bool:
    """Have glibc keep what is freed, from now on, and say whether it does: for a process that trains on a CPU.

    By default blocks of 32 MB and more are given back to the system at once; a training step makes and frees dozens of
    them, and pays a page fault for every 4 KB. What the environment says of `MALLOC_MMAP_THRESHOLD_` and its like is
    left alone, and other allocators than glibc's are.
    """
    global _kept
    if any(f"MALLOC_{name}_" in os.environ for name in _WANTED):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    _kept = all(mallopt(ctypes.c_int(number), ctypes.c_int(value)) == 1 for number, value in _WANTED.values())
    return _kept


def described() -> str:
    """What is known of how this process gives memory back, for a record of what a time depends on."""
    given = " ".join(f"{key}={value}" for key, value in os.environ.items() if "MALLOC" in key)
    return given or ("freed memory is kept" if _kept else "default")
