"""`gnref conform`: the subject judged in a process of its own, its findings shown, its verdict the exit code."""

import json
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from gnref import __version__
from gnref.conformance.judge import Finding
from gnref.conformance.options import Options
from gnref.conformance.show import exit_code, text, to_json
from gnref.errors import UserError
from gnref.files import check_outputs, write_atomically


def conform(subject: str, generator: str | None, json_file: Path | None, options: Options) -> int:
    """Judge, print and write what was found.

    Args:
        subject: A callable normalize(discriminator, x, *args, **kwargs) -> scores, as my.module:normalize.
        generator: Its loss-aware form for the generator's step, named alike.
        json_file: Where the findings are written as well.
        options: How it is judged.

    Returns:
        The exit code: 0 conforming, 1 not.

    Raises:
        UserError: the subject could not be judged, or the file could not be written.
    """
    options.check()
    check_outputs({"--json": json_file})
    task = {"subject": subject, "generator": generator, "options": asdict(options)}
    findings = judged_apart(task, options.limit_seconds)
    print(text(findings, subject, options.strict))
    if json_file is not None:
        about = {"gnref": __version__, "torch": torch.__version__, "Python": platform.python_version(), **task}
        write_atomically(json_file, to_json(findings, about, options.strict))
    return exit_code(findings, options.strict)


_START = 300.0
"""Seconds within which the child process has to have started."""


def judged_apart(task: dict[str, Any], limit: float) -> list[Finding]:
    """The findings of a child process; UserError where it is silent for longer than the limit, or ends.

    The child interrupts a subject that hangs in Python by itself; one that hangs elsewhere is ended from here.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "conformance.jsonl"
        file.write_text(json.dumps(task) + "\n", encoding="utf-8")
        # `-m` puts the working directory on the path, where the subject's module may lie.
        child = subprocess.Popen([sys.executable, "-m", "gnref.conformance.child", str(file)])
        try:
            return _followed(child, file, task, limit)
        finally:
            child.kill()
            child.wait()


def _followed(child: subprocess.Popen[bytes], file: Path, task: dict[str, Any], limit: float) -> list[Finding]:
    # The task is the first line; until the second, the child imports PyTorch, which is no fault of the subject's.
    sizes, changed = [file.stat().st_size], time.monotonic()
    while child.poll() is None and time.monotonic() - changed < (_START if len(sizes) == 1 else 1.2 * limit + 1):
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
        raise UserError(f"{task['subject']} did not return within {limit:g} s at {last['turning_to']}")
    raise UserError(f"{task['subject']} ended the process with code {child.returncode} at {last['turning_to']}")
