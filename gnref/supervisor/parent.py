"""The parent: it starts a child, follows what the child says, and ends it."""

import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gnref.errors import UserError

TASK, TOLD = "task.pickle", "told.jsonl"
"""The files by which parent and child talk: the task, and a line of JSON for everything the child has to say."""


@dataclass(frozen=True)
class Ending:
    """How a child ended."""

    returned: bool
    """Whether the work came to its end; then `result` is what it returned, as JSON has it."""
    result: Any = None
    at: str = ""
    """What the child said it was about to do."""
    why: str = ""
    """Where it did not return: "did not return within 60 s", "ended the process with code 0"."""
    hung: bool = False
    """Whether it was silent for too long, and not ended by itself."""

    def result_of(self, subject: str) -> Any:
        """`result`; UserError where it did not return, with the name of the person's code."""
        if not self.returned:
            raise UserError(f"{subject} {self.why}, at {self.at}")
        return self.result


def run_apart(work: str, *arguments: Any, hear: Callable[[dict[str, Any]], None] = lambda line: None) -> Ending:
    """Call `work(tell, *arguments)` in a child process and follow it to its end.

    Args:
        work: A function of this package, as gnref.room.module:function. `tell(at=..., within=...)` says what it turns
            to, and within how many seconds it speaks again (None: no limit).
        arguments: What can be pickled.
        hear: Is called with every line that is told.

    Returns:
        How it ended. The child has no standard input, and ends with the parent: an interrupt reaches the parent alone.

    Raises:
        UserError: the work raised one, or the person's code raised something: with its file and line.
    """
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / TASK).write_bytes(pickle.dumps((work, arguments, os.getpid())))
        told = Path(folder) / TOLD
        told.touch()
        child = subprocess.Popen(
            [sys.executable, "-m", "gnref.supervisor.child", folder], stdin=subprocess.DEVNULL, start_new_session=True
        )
        try:
            return _follow(child, told, hear)
        finally:
            _end(child)


def _follow(child: subprocess.Popen[bytes], told: Path, hear: Callable[[dict[str, Any]], None]) -> Ending:
    last: dict[str, Any] = {"at": "the start", "within": None}
    spoke, rest = time.monotonic(), ""
    with told.open(encoding="utf-8") as stream:
        while True:
            ended = child.poll() is not None  # asked before reading, so that its last words are read
            *lines, rest = (rest + stream.read()).split("\n")
            for line in map(json.loads, lines):
                spoke = time.monotonic()
                if "mistake" in line:
                    raise UserError(line["mistake"])
                if "result" in line:
                    return Ending(True, line["result"], last["at"])
                if "at" in line:
                    last = line
                hear(line)
            if ended:
                return Ending(False, None, last["at"], _how(child.returncode))
            if last["within"] is not None and time.monotonic() - spoke > last["within"]:
                return Ending(False, None, last["at"], f"did not return within {last['within']:g} s", hung=True)
            time.sleep(0.02)


def _how(code: int) -> str:
    if code >= 0:
        return f"ended the process with code {code}"
    with suppress(ValueError):
        return f"was ended by {signal.Signals(-code).name}"
    return f"was ended by signal {-code}"


def _end(child: subprocess.Popen[bytes]) -> None:
    """The child and every process it started."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
    child.kill()
    child.wait()
