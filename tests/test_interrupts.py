"""Ctrl-C wherever it comes: no traceback, exit 130 as a shell counts it, and nothing half written."""

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

INTERRUPTING = "import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(60)"
"""A module that is interrupted while it is imported."""


def run(folder: Path, *command: str) -> tuple[int, str]:
    """The code as a shell counts it, and standard error; modules of `folder` stand before all others."""
    ended = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{Path(__file__).parent.parent}"},
        # A shell starts what runs in the background with interrupts ignored, and so would everything below it.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode if ended.returncode >= 0 else 128 - ended.returncode, ended.stderr


@pytest.mark.parametrize(
    ("module", "command"),
    [
        ("difflib", ("-m", "gnref", "claim")),  # by the command line itself
        ("tyro", ("-m", "gnref", "claims")),
        ("torch", ("-m", "gnref", "evaluate", "x.npz", "--protocol", "shapes")),
        ("numpy", ("-m", "gnref", "sample", "run")),
        ("torch", (str(Path(__file__).parent.parent / "reproductions" / "samples.py"), "--check")),
    ],
)
def test_an_interrupt_while_something_is_imported(module: str, command: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / f"{module}.py").write_text(INTERRUPTING)
    code, told = run(tmp_path, *command)
    assert code == 130
    assert told in ("", "gnref: interrupted\n")


def test_an_interrupt_while_the_interpreter_ends(tmp_path: Path) -> None:
    """What is registered at exit runs after the command; the work is done, and no traceback says otherwise."""
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit, os, signal, time\n"
        "atexit.register(lambda: (os.kill(os.getpid(), signal.SIGINT), time.sleep(60)))\n"
    )
    assert run(tmp_path, "-m", "gnref", "claims", "theorem-6") == (130, "")
