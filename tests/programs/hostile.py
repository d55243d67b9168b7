"""Throw hostile command lines and calls at everything: `python tests/programs/hostile.py [FOLDER]` prints the counts.

The lines and calls are those of hostile_lines and hostile_calls, thrown at files of hostile_fixtures. A refusal is one
sentence on standard error and exit 2, and leaves nothing behind. Everything is imported once and each line runs in a
forked child; every `--real`-th line also runs as a process of its own. `--every N` takes every N-th line and call.
Exit 1 where there was a traceback, a hang, a crash or something accepted that is wrong.
"""

import argparse
import contextlib
import os
import resource
import runpy
import signal
import stat
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import hostile_calls
import hostile_fixtures
import torch
from hostile_lines import Line, lines

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = (
    "table1", "table2", "table3", "table4", "table5", "figure1", "figure2", "figure3", "stylegan",
)  # fmt: skip
LIMIT = 300.0
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="where a temporary folder for the fixtures is made")
    parser.add_argument("--every", type=int, default=1, help="take every N-th line and call")
    parser.add_argument("--start", type=int, default=0, help="and begin with this one")
    parser.add_argument("--real", type=int, default=25, help="every N-th of them as a process of its own as well")
    parser.add_argument("--only", default="", help="lines and calls that contain this")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as temporary:
        f = Path(temporary).resolve() / "fixtures"
        prepare()
        hostile_fixtures.make(f)
        os.environ |= {"GNREF_CACHE": str(f / "cache"), "HOME": str(f / "home"), "OMP_NUM_THREADS": "1"}
        os.environ.pop("GNREF_DATA", None)
        return _throw(f, given.every, given.start, given.real, given.only)


def _throw(f: Path, every: int, start: int, real: int, only: str) -> int:
    chosen_lines = [line for line in lines(f, list(SCRIPTS)) if only in str(line)][start::every]
    chosen_calls = [call for call in hostile_calls.calls(f) if only in call][start::every]
    found = Counter[str]()
    watched = {name: _identity(f / name) for name in ("device", "link", "pipe", "socket", "target")}
    for number, line in enumerate(chosen_lines):
        ways = [("forked", _line_in_child(line))] + ([("process", None)] if number % real == 0 else [])
        for way, body in ways:
            with tempfile.TemporaryDirectory(dir=f.parent) as outer:
                place = Path(outer) / "here"
                place.mkdir()
                environment = {**line.environment}
                ended = forked(body, place, environment, line.output) if body else as_process(line, place)
                fault = judged(line, ended)
            if {name: _identity(f / name) for name in watched} != watched:
                raise SystemExit(f"{line}: replaced one of {', '.join(watched)}")
            found[f"lines, {way}"] += 1
            _note(fault, f"{line} ({way}, code {ended['code']}, {ended['seconds']:.1f} s)", ended, found)
    known = hostile_calls.names(f)
    for call in chosen_calls:
        with tempfile.TemporaryDirectory(dir=f.parent) as outer:
            place = Path(outer) / "here"
            place.mkdir()
            ended = forked(lambda call=call: call_expression(call, known), place, {})  # type: ignore[misc]
        found["calls"] += 1
        _note(judged(Line("call", (call,)), ended), call, ended, found)
    print(", ".join(f"{count} {what}" for what, count in found.items()))
    tried = sum(found.pop(way, 0) for way in ("lines, forked", "lines, process", "calls"))
    kinds = ("traceback", "hang", "crash", "wrongly accepted")
    counts = [f"{kind} {sum(n for what, n in found.items() if what.startswith(kind))}" for kind in kinds]
    print(f"tried {tried}: {', '.join(counts)}")
    return int(bool(found))


def _line_in_child(line: Line) -> Callable[[], None]:
    return lambda: call_line(line)


def _note(fault: str, what: str, ended: Ended, found: Counter[str]) -> None:
    if fault:
        found[fault.split("[")[0].strip()] += 1
        told = "\n    ".join(str(ended["told"]).strip().splitlines()[-6:])
        print(f"{fault}: {what}\n    {told}\n", flush=True)


def _identity(path: Path) -> tuple[int, int, int]:
    found = path.lstat()
    return found.st_ino, stat.S_IFMT(found.st_mode), found.st_size


if __name__ == "__main__":
    sys.exit(main())
