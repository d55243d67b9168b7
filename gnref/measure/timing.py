"""Times of several bodies beside one another, so that a machine's other work falls on all of them alike."""

import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from gnref.allocation import described


def interleaved(
    bodies: Mapping[str, Callable[[], Any]], rounds: int = 7, device: str = "cpu"
) -> dict[str, list[float]]:
    """Seconds of every body in every round; a round runs each once, after a round (on a GPU 1 s) to warm up.

    On a CPU the process's own time, which counts what the process computes and not what it waits for; on a GPU the time
    between two events, the queue empty before the first.
    """
    once = _seconds_on_gpu if torch.device(device).type == "cuda" else _seconds_on_cpu
    began = time.monotonic()
    while True:
        for body in bodies.values():
            body()
        if torch.device(device).type != "cuda" or time.monotonic() - began > 1:
            break
    found: dict[str, list[float]] = {name: [] for name in bodies}
    for _ in range(rounds):
        for name, body in bodies.items():
            found[name].append(once(body))
    return found


def ratio(seconds: Sequence[float], reference: Sequence[float]) -> float:
    """The median over rounds of one body's time by another's in the same round."""
    return statistics.median(a / b for a, b in zip(seconds, reference, strict=True))


def environment(device: str = "cpu") -> dict[str, Any]:
    """What a figure depends on besides the code: device, driver, versions, threads, and how memory is allocated.

    On a CPU the last matters: maps of 16 MB and more may be given back to the system and faulted in anew at every use,
    which costs a method the more, the more maps it makes.
    """
    where: dict[str, Any] = {"torch": torch.__version__, "python": platform.python_version()}
    if torch.device(device).type == "cuda":
        where |= {
            "device": torch.cuda.get_device_name(device),
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
            "driver": _driver(),
        }
    else:
        where |= {
            "device": f"{_processor()}, {torch.get_num_threads()} threads",
            "instructions": torch.backends.cpu.get_cpu_capability(),
            "allocation": described(),
        }
    return where


def _seconds_on_cpu(body: Callable[[], Any]) -> float:
    began = time.process_time()
    body()
    return time.process_time() - began


def _seconds_on_gpu(body: Callable[[], Any]) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    torch.cuda.synchronize()
    start.record()
    body()
    end.record()
    torch.cuda.synchronize()
    return float(start.elapsed_time(end)) / 1000


def _driver() -> str:
    import subprocess

    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader", "--id=0"]
    try:
        return subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _processor() -> str:
    """The instruction set and, where the system tells, the model."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return f"{platform.machine()} {names[0]}" if names else platform.machine()
