"""Press Ctrl-C at many moments of many commands: `python tests/programs/interrupted.py FOLDER --moments 30`.

Each command is started as a process of its own and gets SIGINT after a while, from the start of Python to the end of
its work. It must end with 130 (or by the signal, which a shell counts as 130) unless it had come to its end, say at
most one sentence and no traceback, and leave nothing half written; a run in training goes on to its end afterwards.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import hostile_fixtures

from gnref.runs import Run

ROOT = Path(__file__).resolve().parents[2]
TRAIN = ("train", hostile_fixtures.EXPERIMENT, "--no-tensorboard", "--folder", "run", "--checkpoint-every", "1")
SMALL = ("--settings", *hostile_fixtures.SMALL)


def commands(f: Path) -> dict[str, tuple[tuple[str, ...], float]]:
    """Each with the seconds it takes at least, on an idle machine."""
    verify = ("verify", "good:build", "--image-size", "16", "--regions", "200", "--json", "out.json")
    return {
        "claims": (("claims", "theorem-6"), 0.5),
        "train": ((*TRAIN, "--steps", "40", *SMALL), 6.0),
        "evaluate": (("evaluate", str(f / "good.npz"), "--protocol", "shapes-16", "--json", "out.json"), 6.0),
        "verify": (verify, 6.0),
        "conform": (("conform", "good:normalize", "--json", "out.json"), 6.0),
        "sample": (("sample", str(f / "run"), "--count", "300", "--out", "out"), 4.0),
    }


def interrupted(command: tuple[str, ...], place: Path, f: Path, moment: float) -> tuple[int, str]:
    """The exit code as a shell counts it, and standard error."""
    environment = {**os.environ, "PYTHONPATH": f"{f / 'modules'}{os.pathsep}{ROOT}"}
    with (place.parent / "told").open("w+b") as told:
        child = subprocess.Popen(
            [sys.executable, "-m", "gnref", *command], cwd=place, env=environment, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=told,
            # A shell starts what runs in the background with interrupts ignored.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        time.sleep(moment)
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGINT)
        code = child.wait(timeout=300)
        told.seek(0)
        return (code if code >= 0 else 128 - code), told.read().decode(errors="replace")


def fault(name: str, place: Path, code: int, told: str) -> str:
    """What is wrong; empty where nothing is."""
    sentences = [line for line in told.splitlines() if line.strip() and "%|" not in line and "/s" not in line]
    if "Traceback" in told or "Exception ignored" in told:
        return "traceback"
    if code not in (0, 1, 130) or (code == 1 and name not in ("verify", "conform")):
        return f"code {code}"
    if code == 130 and len(sentences) > 1:
        return f"{len(sentences)} sentences"
    if partial_files := [path.name for path in place.rglob("*.partial")]:
        return f"left {partial_files}"
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--moments", type=int, default=30, help="of each command")
    parser.add_argument("--stretch", type=float, default=1.0, help="of the moments, on a slow machine")
    parser.add_argument("--only", nargs="+", help="these commands")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    choose, faults = random.Random(given.seed), 0
    with tempfile.TemporaryDirectory(dir=given.folder) as temporary:
        f = Path(temporary) / "fixtures"
        hostile_fixtures.make(f)
        os.environ |= {"GNREF_CACHE": str(f / "cache"), "OMP_NUM_THREADS": "1"}
        for name, (command, seconds) in commands(f).items():
            if given.only and name not in given.only:
                continue
            codes: dict[int, int] = {}
            for _ in range(given.moments):
                with tempfile.TemporaryDirectory(dir=temporary) as outer:
                    place = Path(outer) / "here"
                    place.mkdir()
                    moment = choose.uniform(0.05, seconds * given.stretch)
                    code, told = interrupted(command, place, f, moment)
                    codes[code] = codes.get(code, 0) + 1
                    found = fault(name, place, code, told)
                    if not found and name == "train" and (place / "run" / "experiment.json").exists():
                        found = _unfinished(place)
                    if found:
                        faults += 1
                        print(
                            f"{found}: {name} after {moment:.2f} s, code {code}\n    {told.strip()[-1500:]}\n",
                            flush=True,
                        )
            print(f"{name}: {given.moments} moments, exit codes {codes}", flush=True)
    print(f"faults: {faults}")
    return int(faults > 0)


def _unfinished(place: Path) -> str:
    """What keeps the interrupted run from going on to its end, if anything does."""
    if not Run(place / "run").checkpoints():
        return ""  # begun and not yet saved: the same command begins again
    steps = max(Run(place / "run").checkpoints())
    command = [sys.executable, "-m", "gnref", *TRAIN, "--steps", "40", *SMALL]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    went_on = done.returncode == 0 and max(Run(place / "run").checkpoints()) == 40
    return "" if went_on else f"from step {steps} it did not go on ({done.stderr.strip()[-300:]})"


if __name__ == "__main__":
    sys.exit(main())
