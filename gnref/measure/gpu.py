"""`python -m gnref.measure gpu --out DIR`: on one GPU, in under nine minutes, all that only a GPU can tell.

Each stage runs in a process of its own, within its share of what is left of the time, and writes down each part as soon
as it has it: a part that fails costs itself only, a stage that hangs or dies what it had not yet found. All is in
DIR/gpu.json before the next stage begins, and readable in DIR/gpu.md; what the stages printed is in DIR/STAGE.log, and
the same command goes on with what is missing. With `--device cpu` the same stages run in a reduced form.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gnref.devices import device_named
from gnref.errors import UserError
from gnref.files import check_outputs, write_atomically
from gnref.measure.stages import STAGES, base
from gnref.measure.summary import summary
from gnref.measure.timing import environment

SECONDS = 520


def main(arguments: Sequence[str]) -> int:
    """Run what is missing in the folder; 0 where every stage has all its parts."""
    parser = argparse.ArgumentParser(prog="python -m gnref.measure gpu", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the folder that gpu.json is written into")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="after which no stage goes on")
    parser.add_argument("--only", choices=STAGES, nargs="*", help="these stages, again if they are there")
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)  # the child that computes one
    options = parser.parse_args(arguments)
    device = str(device_named(options.device))
    if options.stage:
        return _stage(options.out, device, options.stage)
    check_outputs({}, {"--out": options.out})
    return _all(options.out, device, options.seconds, options.only)


def _all(out: Path, device: str, seconds: float, only: Sequence[str] | None) -> int:
    began, file = time.monotonic(), out / "gpu.json"
    report = _before(file)
    report["environment"] = environment(device)
    out.mkdir(parents=True, exist_ok=True)
    waiting = [name for name in only or STAGES if only or "failed" in report["stages"].get(name, {"failed": ""})]
    while waiting:
        left = seconds - (time.monotonic() - began)
        # What an earlier stage has spared is the later ones'.
        share = STAGES[waiting[0]].share / sum(STAGES[name].share for name in waiting)
        name = waiting.pop(0)
        stage = _child(out, device, name, share * left) if left > 0 else {"failed": "no time was left", "result": {}}
        report["stages"][name] = stage
        write_atomically(file, json.dumps(report, indent=1) + "\n")
        write_atomically(out / "gpu.md", summary(report))
        print(f"{name}: {stage.get('failed', 'done')} ({stage.get('seconds', 0):.0f} s)", flush=True)
    return int(any("failed" in report["stages"].get(name, {"failed": ""}) for name in STAGES))


def _before(file: Path) -> dict[str, Any]:
    """What an earlier run of the command has found."""
    if not file.exists():
        return {"stages": {}}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if all("result" in found["stages"][name] for name in found["stages"]):
            return dict(found)
    except (ValueError, TypeError, KeyError):
        pass
    raise UserError(f"{file} is not what this command writes; move it away, or name another folder")


def _child(out: Path, device: str, name: str, limit: float) -> dict[str, Any]:
    """Run one stage in a process; what it has found by its end, or by the limit, and why not all of it."""
    command = [sys.executable, "-m", "gnref.measure", "gpu", "--out", str(out), "--device", device, "--stage", name]
    began, log = time.monotonic(), out / f"{name}.log"
    _parts(out, name).unlink(missing_ok=True)
    with log.open("w", encoding="utf-8") as printed:
        # A session of its own: a compiler's workers end with the stage.
        child = subprocess.Popen(command, stdout=printed, stderr=printed, start_new_session=True)
        try:
            code = child.wait(limit)
            why = [f"exit {code}; see {log.name}"] if code else []
        except subprocess.TimeoutExpired:
            why = [f"not done in {limit:.0f} s"]
        finally:
            _end(child)
    found = [json.loads(line) for line in _lines(_parts(out, name))]
    why += [f"{part['part']}: {part['failed']}" for part in found if "failed" in part]
    stage: dict[str, Any] = {"seconds": time.monotonic() - began}
    stage["result"] = {part["part"]: part["result"] for part in found if "result" in part}
    return {**stage, "failed": "; ".join(why)} if why else stage


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the stage's process group, whatever of it still runs."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        child.wait()


def _stage(out: Path, device: str, name: str) -> int:
    """The child: each part in turn, written down at once."""
    for part, compute in STAGES[name].parts(base(device)).items():
        line: dict[str, Any] = {"part": part}
        try:
            line["result"] = compute()
        except Exception as error:  # a part that cannot be had here says why, and the next one is tried
            print(f"{part}: {error}", file=sys.stderr, flush=True)
            line["failed"] = " ".join(f"{type(error).__name__}: {error}".split())[:500]
        with _parts(out, name).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
    return 0


def _parts(out: Path, name: str) -> Path:
    return out / f"{name}.parts.jsonl"


def _lines(file: Path) -> list[str]:
    """Whole lines: a process that was ended may have begun another."""
    if not file.exists():
        return []
    return [line for line in file.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
