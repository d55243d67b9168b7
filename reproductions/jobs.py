"""Runs: what one is, and how the ones without evidence are done, one after another or several at a time."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import evidence
from evidence import Evidence

from gnref.errors import UserError


@dataclass(frozen=True)
class Options:
    """What the person asked for."""

    scale: str = "paper"
    cell: str | None = None
    data: Path | None = None
    samples: tuple[Path, ...] = ()
    runs: Path = Path("runs")
    jobs: int = 1


def within(line: str, cell: str) -> bool:
    """Whether a line's name is `cell` or begins so, part by part, as `table4.gn-biggan.is` does with `table4`."""
    return f"{line}.".startswith(f"{cell}.")


@dataclass(frozen=True)
class Job:
    """One run: `settings` and `seed` are its key; `serves` names the lines it is evidence for."""

    name: str
    scale: str
    seed: int
    settings: Mapping[str, Any]
    work: Callable[[Options], Mapping[str, float | None]]
    serves: tuple[str, ...] = ()
    missing: Callable[[Options], list[str]] = lambda options: []
    duration: Callable[[], str] = lambda: "seconds"

    @property
    def id(self) -> str:
        """The name by which `--cell` picks one run."""
        return f"{self.name}-seed{self.seed}"

    def evidence(self) -> Evidence | None:
        """The record of this run, if there is one."""
        return evidence.find(self.name, self.scale, self.settings, self.seed)


def run_all(jobs: list[Job], options: Options) -> int:
    """Do the runs without evidence; 77 where something that a run needs is missing."""
    waiting = [job for job in jobs if job.evidence() is None]
    print(f"{len(jobs) - len(waiting)} of {len(jobs)} runs are done")
    blocked = {job.id: missing for job in waiting if (missing := job.missing(options))}
    for name, missing in blocked.items():
        print(f"{name} cannot run here; it needs {'; '.join(missing)}")
    ready = [job for job in waiting if job.id not in blocked]
    if options.jobs == 1 or len(ready) < 2:
        for job in ready:
            _do(job, options)
    else:
        _in_parallel(ready, options)
    return 77 if blocked else 0


def _do(job: Job, options: Options) -> None:
    began = time.monotonic()
    scores = dict(job.work(options))
    if int(os.environ.get("RANK", "0")) > 0:
        return  # under torchrun, one process writes
    record = Evidence(
        name=job.name,
        scale=job.scale,
        seed=job.seed,
        settings=dict(job.settings),
        scores=scores,
        command=f"{evidence.script()} --run --scale {job.scale} --cell {job.id}",
        seconds=round(time.monotonic() - began, 1),
    )
    shown = ", ".join(f"{name} {'diverged' if value is None else f'{value:.3f}'}" for name, value in scores.items())
    print(f"{job.id}: {shown} ({record.seconds:.0f} s) -> {os.path.relpath(evidence.write(record))}", flush=True)


def _in_parallel(jobs: list[Job], options: Options) -> None:
    """So many processes at a time, each with its share of the runs; one that fails does not stop the others.

    SIGTERM ends them too: each saves its run and stops.
    """
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    threads = str(max(1, (os.cpu_count() or 1) // options.jobs))
    environment = {"OMP_NUM_THREADS": threads, **os.environ}
    shares = [jobs[i :: options.jobs] for i in range(min(options.jobs, len(jobs)))]
    processes = [subprocess.Popen(_alone(share, options), env=environment) for share in shares]
    try:
        failed = sum(process.wait() != 0 for process in processes)
    finally:
        for process in processes:
            process.terminate()
    if failed:
        raise UserError(
            f"{failed} of {len(processes)} processes failed, as said above; the same command goes on from there"
        )


def _alone(jobs: list[Job], options: Options) -> list[str]:
    arguments = [sys.executable, sys.argv[0], "--run", "--cell", ",".join(job.id for job in jobs)]
    arguments += ["--scale", options.scale, "--runs", str(options.runs)]
    return arguments + (["--data", str(options.data)] if options.data else [])


def dry_run(name: str, title: str, jobs: list[Job], options: Options, as_json: bool) -> None:
    """Print what would run, on what, and how long it should take."""
    rows: list[dict[str, Any]] = [
        {
            "run": job.id,
            "done": job.evidence() is not None,
            "needs": job.missing(options),
            "takes": job.duration(),
            "settings": dict(job.settings),
        }
        for job in jobs
    ]
    if as_json:
        print(json.dumps({"artefact": name, "device": evidence.device(), "runs": rows}, indent=1))
        return
    print(f"{title}\non {evidence.device()}:")
    for row in rows:
        state = "done" if row["done"] else f"needs {'; '.join(row['needs'])}" if row["needs"] else "ready"
        print(f"  {row['run']:<44} {row['takes']:<28} {state}")
