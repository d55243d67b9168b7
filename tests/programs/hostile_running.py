"""How a hostile line or call runs, forked or as a process of its own, and what is wrong with how it ended."""

import contextlib
import os
import resource
import runpy
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import hostile_calls
import torch
from hostile_lines import Line

import gnref.supervisor.child as supervisor_child
import gnref.supervisor.parent as supervisor_parent

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 120.0
"""Seconds after which a line or call counts as hanging."""
MEMORY = 24 * 2**30
"""Bytes of address space a child may ask for, so that none of them takes the machine with it."""


def prepare() -> None:
    """Import what the commands import, so that a fork has it already."""
    import gnref.conformance.command
    import gnref.diagnosis.command
    import gnref.evaluation.show
    import gnref.evaluation.torchvision_shim
    import gnref.evidence
    import gnref.measure.__main__
    import gnref.training.command
    import gnref.vectors

    gnref.evaluation.torchvision_shim.import_torch_fidelity()
    torch.set_num_threads(1)


def call_line(line: Line) -> None:
    """What the line's process would run."""
    if line.program == "gnref":
        from gnref.cli import main

        sys.argv = ["gnref", *line.words]
        main()
    elif line.program.startswith("-m "):
        name = line.program.removeprefix("-m ")
        sys.argv = [name, *line.words]
        sys.modules.pop(f"{name}.__main__", None)  # imported before the fork; run as a script it is another module
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    else:
        script = ROOT / f"{line.program}.py"
        sys.argv, sys.path[0] = [str(script), *line.words], str(script.parent)
        runpy.run_path(str(script), run_name="__main__")


class WarmChild:
    """What the supervisor's Popen is in a forked line: its child is forked too, and has PyTorch already."""

    def __init__(self, command: Sequence[str], **_: object) -> None:
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            code = 70
            try:
                os.setsid()
                code = _code_of(lambda: supervisor_child.run(Path(command[-1])))
            finally:
                os._exit(code)

    def poll(self) -> int | None:
        return self._look(os.WNOHANG)

    def wait(self) -> int | None:
        return self._look(0)

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def _look(self, how: int) -> int | None:
        if self.returncode is None:
            done, status = os.waitpid(self.pid, how)
            self.returncode = os.waitstatus_to_exitcode(status) if done else None
        return self.returncode


class Ended(dict[str, object]):
    """How a child ended: code (None: it hung), told (standard error), left (names of new files), seconds."""


def forked(body: Callable[[], None], place: Path, environment: Mapping[str, str | None], output: str = "") -> Ended:
    """Run `body` in a forked child, with `place` as its working folder."""
    told = place.with_suffix(".stderr")
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        code = 70
        try:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            os.chdir(place)
            _surroundings(environment, output, told)
            supervisor_parent.subprocess = SimpleNamespace(Popen=WarmChild, DEVNULL=None)  # type: ignore[assignment]
            code = _code_of(body)
        finally:
            os._exit(code)
    code: int | None = None
    while time.monotonic() - began < LIMIT:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            break
        time.sleep(0.005)
    with contextlib.suppress(ProcessLookupError):  # what it left running ends with it
        os.killpg(child, signal.SIGKILL)
    if code is None:
        os.waitpid(child, 0)
    left = sorted(str(path.relative_to(place)) for path in place.rglob("*") if "__pycache__" not in path.parts)
    return Ended(code=code, told=told.read_text(errors="replace"), left=left, seconds=time.monotonic() - began)


def _surroundings(environment: Mapping[str, str | None], output: str, told: Path) -> None:
    for name, value in environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    sys.path[:0] = [p for p in ("", os.environ.get("PYTHONPATH", "")) if p is not None]
    os.dup2(os.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if output == "head":
        reader, writer = os.pipe()
        os.close(reader)
        os.dup2(writer, 1)
    else:
        os.dup2(os.open("/dev/full" if output == "full" else os.devnull, os.O_WRONLY), 1)
    encoding = (os.environ.get("PYTHONIOENCODING") or "utf-8").split(":")[0]
    sys.stdout = None if output == "closed" else open(1, "w", encoding=encoding, closefd=False)  # type: ignore[assignment] # noqa: SIM115
    sys.stderr = open(2, "w", encoding=encoding, errors="backslashreplace", closefd=False)  # noqa: SIM115
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _code_of(body: Callable[[], None]) -> int:
    """The code that Python would exit with."""
    try:
        body()
        code: object = 0
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 1
    if isinstance(code, str):
        print(code, file=sys.stderr)
        code = 1
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            code = 120
    return int(code or 0) if isinstance(code, int | None) else 1


def as_process(line: Line, place: Path) -> Ended:
    """The same line as a process of its own."""
    command = {"gnref": ["-m", "gnref"], "-m": line.program.split()}.get(line.program.split()[0])
    command = command or [str(ROOT / f"{line.program}.py")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for name, value in line.environment.items():
        environment.pop(name, None)
        if value is not None:
            environment[name] = value if name != "PYTHONPATH" else f"{value}{os.pathsep}{ROOT}"
    redirected = {"closed": '"$@" >&-', "full": '"$@" >/dev/full', "head": '"$@" | true'}.get(
        line.output, '"$@" >/dev/null'
    )
    began, told = time.monotonic(), place.with_suffix(".stderr")
    with told.open("wb") as stderr:
        try:
            code: int | None = subprocess.run(
                ["sh", "-c", redirected, "sh", sys.executable, *command, *line.words],
                cwd=place, env=environment, stdin=subprocess.DEVNULL, stderr=stderr, timeout=LIMIT, check=False,
            ).returncode  # fmt: skip
        except subprocess.TimeoutExpired:
            code = None
    left = sorted(str(path.relative_to(place)) for path in place.rglob("*") if "__pycache__" not in path.parts)
    return Ended(code=code, told=told.read_text(errors="replace"), left=left, seconds=time.monotonic() - began)


def judged(line: Line, ended: Ended) -> str:
    """What is wrong with how the line ended; empty where nothing is."""
    code, told = ended["code"], str(ended["told"])
    sentences = [text for text in told.splitlines() if text.strip() and "step/s" not in text and "%|" not in text]
    if code is None:
        return "hang"
    if "Traceback (most recent call last)" in told or "Exception ignored" in told:
        return "traceback"
    if isinstance(code, int) and (code < 0 or code >= 128) and code not in line.codes:
        return f"crash ({code})"
    if code not in line.codes:
        return "wrongly accepted" if code == 0 else f"wrong code {code}"
    if code == 2 and not sentences:
        return "no sentence"
    usage = any(text.startswith(("╭", "usage:")) for text in sentences)
    if code == 2 and len(sentences) > 1 and not usage:
        return f"{len(sentences)} sentences"
    if code == 2 and ended["left"] and not line.writes:
        return f"left {ended['left']}"
    return ""


def call_expression(expression: str, known: dict[str, object]) -> None:
    """Print on standard error how the call ended, as a line would end: 2 for a refusal in one sentence."""
    try:
        eval(expression, known)
    except hostile_calls.REFUSALS as refusal:
        sentence = str(refusal).strip()
        print(f"{type(refusal).__name__}: {sentence}", file=sys.stderr)
        sys.exit(2 if sentence else 1)
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        print(f"Traceback (most recent call last), of {type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(1)
