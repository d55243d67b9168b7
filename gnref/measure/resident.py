"""The largest that a fresh process has resident while it computes a part: what a job is given, or killed for.

It is more than the counter's figure: libraries' workspaces, what the allocator keeps, and PyTorch itself come on top.
"""

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from gnref.allocation import keep_freed_memory
from gnref.errors import UserError
from gnref.measure.steps import Part, Setting, Steps

_STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Resident:
    """Bytes of one process."""

    before: int
    """Resident with networks and inputs, before the part ran."""
    peak: int
    """The most that was resident until the part had run `times` times: VmHWM."""


def resident(setting: Setting, part: Part = "discriminator gradient", times: int = 3) -> Resident:
    """Run the part on a CPU in a process of its own, one thread, freed memory kept as the trainer has it kept.

    Not by `getrusage`: its ru_maxrss counts what the process that started this one had resident.

    Raises:
        UserError: the system has no /proc to read it from, or the process did not get to its end.
    """
    if not _STATUS.exists():
        raise UserError(
            f"resident: expected {_STATUS}, which Linux has; count memory instead, with gnref.measure.count"
        )
    command = [sys.executable, "-c", "import gnref.measure.resident as r; r.main()", json.dumps(asdict(setting)), part]
    done = subprocess.run([*command, str(times)], capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise UserError(f"resident: the process ended with {done.returncode}: {last}")
    return Resident(**json.loads(done.stdout))


def main() -> None:
    """The process: a setting, a part and how many times to run it."""
    _, setting, part, times = sys.argv
    torch.set_num_threads(1)
    keep_freed_memory()
    body = Steps(Setting(**json.loads(setting))).body(part)  # type: ignore[arg-type]
    before = _now("VmRSS")
    for _ in range(int(times)):
        body()
    print(json.dumps(asdict(Resident(before, _now("VmHWM")))))


def _now(field: str) -> int:
    (line,) = (line for line in _STATUS.read_text().splitlines() if line.startswith(f"{field}:"))
    return 1024 * int(line.split()[1])
