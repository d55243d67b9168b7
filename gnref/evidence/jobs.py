"""Runs: what one is, and how the ones without evidence are done, one after another or several at a time."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gnref.errors import UserError
from gnref.evidence.options import Options
from gnref.evidence.records import Record
from gnref.evidence.timing import Estimate
from gnref.provenance import commit, device, script, versions


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
    revision: int | None = None
    """The code's, where a record of another one is out of date."""
    duration: Callable[[Options], Estimate] = lambda options: Estimate(10, "seconds of one core")

    @property
    def id(self) -> str:
        """The name by which `--cell` picks one run."""
        return f"{self.name}-seed{self.seed}"

    def record(self, options: Options) -> Record | None:
        """The record of this run, if there is one."""
        return options.records.find(self.name, self.scale, self.settings, self.seed)

    def done(self, options: Options) -> bool:
        """Whether there is a record by the code as it is."""
        record = self.record(options)
        return record is not None and record.revision == self.revision


def run_all(jobs: list[Job], options: Options) -> int:
    """Do the runs without evidence; 77 where something that a run needs is missing."""
    waiting = [job for job in jobs if not job.done(options)]
    print(f"{len(jobs) - len(waiting)} of {len(jobs)} runs are done")
    blocked = {job.id: missing for job in waiting if (missing := job.missing(options))}
    if blocked:
        names = list(blocked)
        shown = ", ".join(names) if len(names) <= 3 else f"{names[0]} and {len(names) - 1} more"
        print(f"{shown} cannot run here; what is missing:")
        _print_needs(_needed(blocked.values()))
    ready = [job for job in waiting if job.id not in blocked]
    if options.jobs == 1 or len(ready) < 2:
        for job in ready:
            _run(job, options)
    else:
        _in_parallel(ready, options)
    return 77 if blocked else 0


def _run(job: Job, options: Options) -> None:
    began = time.monotonic()
    scores = dict(job.work(options))
    if int(os.environ.get("RANK", "0")) > 0:
        return  # under torchrun, one process writes
    record = Record(
        name=job.name,
        scale=job.scale,
        seed=job.seed,
        settings=dict(job.settings),
        scores=scores,
        command=f"{script(options.home)} --run --cell {job.id}",
        seconds=round(time.monotonic() - began, 1),
        commit=commit(options.home),
        versions=versions(),
        device=device(),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        revision=job.revision,
    )
    several = [f"{name} {'diverged' if value is None else f'{value:.3f}'}" for name, value in scores.items()]
    shown = ", ".join(several) if len(several) <= 8 else f"{len(several)} scores, the last {several[-1]}"
    file = options.records.append(record)
    print(f"{job.id}: {shown} ({record.seconds:.0f} s) -> {os.path.relpath(file)}", flush=True)


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
    arguments += ["--runs", str(options.runs)]
    return arguments + (["--data", str(options.data)] if options.data else [])


def dry_run(name: str, title: str, jobs: list[Job], options: Options, as_json: bool, seeds_decide: str = "") -> None:
    """Print what would run, on what, and how long it should take; nothing is run, though a step may be timed.

    `seeds_decide` says how many runs of a row lead to which verdict.
    """
    times: dict[str, Estimate] = {}
    for job in jobs:
        if job.name not in times:
            times[job.name] = job.duration(options)
    rows: list[dict[str, Any]] = [
        {
            "run": job.id,
            "done": job.done(options),
            "needs": job.missing(options),
            "seconds": times[job.name].seconds,
            "takes": times[job.name].text,
            "from": times[job.name].basis,
            "settings": dict(job.settings),
        }
        for job in jobs
    ]
    waiting = [row for row in rows if not row["done"]]
    total = Estimate(sum(row["seconds"] or 0 for row in waiting), "")
    unknown = sum(row["seconds"] is None for row in waiting)
    beside = f", and {unknown} of them for a time that was not measured" if unknown else ""
    if as_json:
        told = {"artefact": name, "device": device(), "runs": rows, "waiting": len(waiting), "takes": total.text}
        print(json.dumps(told, indent=1))
        return
    needs = _needed(row["needs"] for row in waiting)
    numbers = {need: number for number, need in enumerate(needs, start=1)}
    print(f"{title}\non {device()}:")
    for each, time_of in times.items():
        mine = [row for job, row in zip(jobs, rows, strict=True) if job.name == each]
        left = [row for row in mine if not row["done"]]
        waits = ", ".join(sorted({f"({numbers[need]})" for row in left for need in row["needs"]}))
        state = "done" if not left else f"needs {waits}" if waits else "ready"
        runs = f"{len(mine)} run{'s' * (len(mine) > 1)}"
        print(f"  {each:<36} {runs:<7} {time_of.text + ' each':<22} {state:<22} {time_of.basis}")
    _print_needs(needs)
    print(f"{len(waiting)} of {len(rows)} runs wait" + (f": {total.text} on this device{beside}" if waiting else ""))
    if seeds_decide:
        print(seeds_decide)


def _needed(missing: Iterable[list[str]]) -> Counter[str]:
    """Each thing that runs lack, with the number of runs that lack it."""
    return Counter(need for each in missing for need in each)


def _print_needs(needs: Counter[str]) -> None:
    for number, (need, count) in enumerate(needs.items(), start=1):
        print(f"({number}) for {count} run{'s' * (count > 1)}: {need}")
