"""`gnref conform`: the subject judged in a process of its own, its findings shown, its verdict the exit code."""

import json
import platform
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from gnref import __version__
from gnref.conformance.capabilities import Capabilities
from gnref.conformance.judge import Finding
from gnref.conformance.show import exit_code, text, to_json
from gnref.errors import UserError
from gnref.files import write_atomically


def conform(
    subject: str,
    generator: str | None,
    budget: str | None,
    device: str,
    json_file: Path | None,
    eps: float,
    capability: tuple[str, ...],
    expect: tuple[str, ...],
    seed: int,
    limit: str,
    strict: bool,
) -> int:
    """Judge, print and write what was found; the exit code: 0 conforming, 1 not, 2 by UserError where it cannot be."""
    if json_file is not None and not json_file.absolute().parent.is_dir():
        raise UserError(f"expected a file in a folder that exists for --json, got {json_file}")
    task = {
        "subject": subject,
        "generator": generator,
        "capabilities": asdict(Capabilities.declared(capability, eps)),
        "expected": _reasons(expect),
        "device": device,
        "seed": seed,
        "limit": seconds(limit),
        "budget": None if budget is None else seconds(budget),
    }
    findings = judged_apart(task)
    print(text(findings, subject, strict))
    if json_file is not None:
        about = {"gnref": __version__, "torch": torch.__version__, "Python": platform.python_version(), **task}
        write_atomically(json_file, to_json(findings, about, strict))
    return exit_code(findings, strict)


_START = 300.0
"""Seconds within which the child process has to have started."""


def judged_apart(task: dict[str, Any]) -> list[Finding]:
    """The findings of a child process; UserError where it is silent for longer than the limit, or ends.

    The child interrupts a subject that hangs in Python by itself; one that hangs elsewhere is ended from here.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "conformance.jsonl"
        file.write_text(json.dumps(task) + "\n", encoding="utf-8")
        # `-m` puts the working directory on the path, where the subject's module may lie.
        child = subprocess.Popen([sys.executable, "-m", "gnref.conformance.child", str(file)])
        try:
            return _followed(child, file, task)
        finally:
            child.kill()
            child.wait()


def _followed(child: subprocess.Popen[bytes], file: Path, task: dict[str, Any]) -> list[Finding]:
    # The task is the first line; until the second, the child imports PyTorch, which is no fault of the subject's.
    sizes, changed = [file.stat().st_size], time.monotonic()
    while child.poll() is None and time.monotonic() - changed < (
        _START if len(sizes) == 1 else 1.2 * task["limit"] + 1
    ):
        time.sleep(0.02)
        if (size := file.stat().st_size) != sizes[-1]:
            sizes.append(size)
            changed = time.monotonic()
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()[1:]]
    last: dict[str, Any] = lines[-1] if lines else {"turning_to": "the import"}
    if "mistake" in last:
        raise UserError(last["mistake"])
    if "findings" in last:
        return [Finding(**finding) for finding in last["findings"]]
    if child.poll() is None:
        raise UserError(f"{task['subject']} did not return within {task['limit']:g} s at {last['turning_to']}")
    raise UserError(f"{task['subject']} ended the process with code {child.returncode} at {last['turning_to']}")


def seconds(duration: str) -> float:
    """A duration such as 10s, 2m or 0.5 in seconds; UserError for anything else."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m)?", duration)
    if match is None or float(match[1]) == 0:
        raise UserError(f"expected a duration such as 10s or 2m, got {duration!r}")
    return float(match[1]) * (60 if match[2] == "m" else 1)


def _reasons(expect: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for entry in expect:
        law, equals, reason = entry.partition("=")
        if not equals:
            raise UserError(f"expected a law that fails and why, as zero-over-zero=REASON, got {entry!r}")
        found[law] = reason
    return found
