"""Throw hostile command lines and calls at everything: `python tests/programs/hostile.py [FOLDER]` prints the counts.

The lines and calls are those of hostile_lines and hostile_calls, thrown at files of hostile_fixtures. A refusal is one
sentence on standard error and exit 2, and leaves nothing behind. Everything is imported once and each line runs in a
forked child; every `--real`-th line also runs as a process of its own. `--every N` takes every N-th line and call.
All of them take about half an hour. With `--record FILE` each is noted there, `--minutes M` stops after M minutes, and
the same command again goes on where the code is still the same.
Exit 1 where anything ended otherwise than it should, 3 where some are still to come.
"""

import argparse
import hashlib
import json
import os
import shutil
import stat
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import hostile_calls
import hostile_fixtures
from hostile_lines import Line, lines
from hostile_running import ROOT, as_process, call_expression, call_line, forked, judged, prepare

SCRIPTS = (
    "table1", "table2", "table3", "table4", "table5", "figure1", "figure2", "figure3", "stylegan",
)  # fmt: skip


@dataclass(frozen=True)
class Throw:
    """A line or a call, and how it runs: "line, forked", "line, as a process" or "call"."""

    way: str
    line: Line
    body: Callable[[], None] | None
    """What a forked child runs; None for a process."""

    def key(self, f: Path) -> str:
        """The same in every run: without the temporary folder."""
        return f"{self.way}: {self.line}".replace(str(f), "F")


def _throws(f: Path, every: int, start: int, real: int, only: str) -> Iterator[Throw]:
    for number, line in enumerate([line for line in lines(f, list(SCRIPTS)) if only in str(line)][start::every]):
        yield Throw("line, forked", line, partial(call_line, line))
        if number % real == 0:
            yield Throw("line, as a process", line, None)
    known = hostile_calls.names(f)
    for call in [call for call in hostile_calls.calls(f) if only in call][start::every]:
        yield Throw("call", Line("call", (call,)), partial(call_expression, call, known))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="where a temporary folder for the fixtures is made")
    parser.add_argument("--every", type=int, default=1, help="take every N-th line and call")
    parser.add_argument("--start", type=int, default=0, help="and begin with this one")
    parser.add_argument("--real", type=int, default=25, help="every N-th of them as a process of its own as well")
    parser.add_argument("--only", default="", help="lines and calls that contain this")
    parser.add_argument("--record", type=Path, help="a file that notes what was thrown, to go on from")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so many")
    given = parser.parse_args()
    until = time.monotonic() + 60 * given.minutes
    with tempfile.TemporaryDirectory(dir=given.folder) as temporary:
        f = Path(temporary).resolve() / "fixtures"
        prepare()
        hostile_fixtures.make(f)
        os.environ |= {"GNREF_CACHE": str(f / "cache"), "HOME": str(f / "home"), "OMP_NUM_THREADS": "1"}
        os.environ.pop("GNREF_DATA", None)
        throws = {throw.key(f): throw for throw in _throws(f, given.every, given.start, given.real, given.only)}
        faults = _recorded(given.record) if given.record else {}
        for key, throw in throws.items():
            if key not in faults and time.monotonic() < until:
                faults[key] = _fault(throw, f)
                if given.record:
                    _record(given.record, key, faults[key])
    return _count({key: faults.get(key) for key in throws}, throws)


def _fault(throw: Throw, f: Path) -> str:
    """What is wrong with how it ended, which is printed; empty where nothing is."""
    line, watched = throw.line, ("device", "link", "pipe", "socket", "target")
    before = {name: _identity(f / name) for name in watched}
    with tempfile.TemporaryDirectory(dir=f.parent) as outer:
        place = Path(outer) / "here"
        place.mkdir()
        ended = forked(throw.body, place, line.environment, line.output) if throw.body else as_process(line, place)
        fault = judged(line, ended)
    # What a line has rightly made is not there for the next ones.
    shutil.rmtree(f / "nowhere", ignore_errors=True)
    for checkpoint in (f / "run-no-checkpoint" / "checkpoints").glob("*"):
        checkpoint.unlink()
    if {name: _identity(f / name) for name in watched} != before:
        fault = f"replaced one of {', '.join(watched)}"
    if fault:
        told = "\n    ".join(str(ended["told"]).strip().splitlines()[-6:])
        print(
            f"{fault}: {line} ({throw.way}, code {ended['code']}, {ended['seconds']:.1f} s)\n    {told}\n", flush=True
        )
    return fault


def _count(faults: Mapping[str, str | None], throws: Mapping[str, Throw]) -> int:
    """Print how many were thrown in each way, and what was wrong; None as a fault: not thrown yet."""
    ways = Counter(throws[key].way for key, fault in faults.items() if fault is not None)
    found = Counter(fault.split("[")[0].strip() for fault in faults.values() if fault)
    print(", ".join(f"{what}: {count}" for what, count in (ways + found).items()))
    kinds = ("traceback", "hang", "crash", "wrongly accepted")
    counts = [f"{kind} {sum(n for what, n in found.items() if what.startswith(kind))}" for kind in kinds]
    others = sum(found.values()) - sum(n for what, n in found.items() if what.startswith(kinds))
    missing = sum(fault is None for fault in faults.values())
    print(f"tried {sum(ways.values())}: {', '.join(counts)}, other faults {others}; still to come {missing}")
    return 1 if found else 3 if missing else 0


def _recorded(file: Path) -> dict[str, str]:
    """What the file says of throws at the code as it now is."""
    code, noted = _code(), [json.loads(text) for text in file.read_text().splitlines()] if file.exists() else []
    return {line["thrown"]: line["fault"] for line in noted if line["code"] == code}


def _record(file: Path, key: str, fault: str) -> None:
    with file.open("a") as noted:
        noted.write(json.dumps({"code": _code(), "thrown": key, "fault": fault}) + "\n")


@cache
def _code() -> str:
    """A digest of the package, the reproductions and these programs."""
    hashed = hashlib.sha256()
    for place in ("gnref", "reproductions", "tests/programs"):
        for path in sorted((ROOT / place).rglob("*.py")):
            hashed.update(path.read_bytes())
    return hashed.hexdigest()[:16]


def _identity(path: Path) -> tuple[int, int, int]:
    found = path.lstat()
    return found.st_ino, stat.S_IFMT(found.st_mode), found.st_size


if __name__ == "__main__":
    sys.exit(main())
