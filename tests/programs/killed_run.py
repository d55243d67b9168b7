"""Kill runs with SIGKILL at random moments, in the middle of writes too, and compare them with one left alone.

`python tests/programs/killed_run.py FOLDER --kills 30` prints what it did and fails where a bit differs. The program
imports everything once and trains in forked children, so that a kill costs milliseconds and not an import.
"""

import argparse
import os
import random
import shutil
import signal
import socket
import time
from pathlib import Path

import torch

from gnref.data.images import Images, ImageSet
from gnref.data.points import PointSet, mixture, ring_centres
from gnref.data.shapes import shapes
from gnref.runs import Run
from gnref.training.cadence import Cadence
from gnref.training.distributed import joined
from gnref.training.experiment import Experiment
from gnref.training.experiments import EXPERIMENTS
from gnref.training.train import train

STEPS = 24
KILLED = (
    "shapes16-cnn-gn", "shapes16-resnet-gn-cr", "shapes16-cnn-1-gp", "shapes-biggan-sn", "shapes-stylegan-gn",
    "ring-mlp-gn",
)  # fmt: skip
"""Experiments of every kind; a kill costs 1 to 3 seconds of a processor, in two processes twice as many."""


def experiment(name: str) -> Experiment:
    small = {"width": 1, "latent": 4, "batch": 4, "generator_batch": 4, "steps": STEPS}
    return EXPERIMENTS[name].changed(**small)


def images(e: Experiment) -> Images:
    """As few as a run needs."""
    return PointSet(mixture(ring_centres(), 40)[0]) if e.dataset == "ring" else ImageSet(*shapes(40, e.size))


def score(generator: torch.nn.Module) -> dict[str, float]:
    """Cheap, and greedy for random numbers: a run that depended on the global random state would show it."""
    return {"FID": float(next(generator.parameters()).abs().sum() + 0 * torch.randn(100).sum())}


def run_children(folder: Path, name: str, data: Images, count: int, die_in_write: int | None) -> list[int]:
    """Train in `count` forked children; their process ids. The first kills itself before the n-th rename, if told."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    children = []
    for rank in range(count):
        child = os.fork()
        if child:
            children.append(child)
            continue
        status = 1
        try:
            if count > 1:
                place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "MASTER_PORT": port}
                os.environ |= {key: str(value) for key, value in place.items()} | {"MASTER_ADDR": "127.0.0.1"}
            _dying(die_in_write if rank == 0 else None)
            cadence = Cadence(log_every=2, sample_every=7, checkpoint_every=3, score_every=4)
            with joined("cpu") as processes:
                train(experiment(name), data, folder, cadence=cadence, score=score, processes=processes)
            status = 0
        finally:
            os._exit(status)
    return children


def _dying(in_write: int | None) -> None:
    """This process kills itself before its n-th rename."""
    renames = 0
    replace = Path.replace

    def counted(self: Path, target: Path) -> Path:
        nonlocal renames
        renames += 1
        if renames == in_write:
            os.kill(os.getpid(), signal.SIGKILL)
        return replace(self, target)

    Path.replace = counted  # type: ignore[assignment, method-assign]


def ended(children: list[int]) -> list[int]:
    """How the children ended. Where one was killed, the others are killed too, as torchrun does."""
    statuses: dict[int, int] = {}
    while len(statuses) < len(children):
        for child in set(children) - statuses.keys():
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                statuses[child] = status
        if any(os.WIFSIGNALED(status) for status in statuses.values()):
            for child in set(children) - statuses.keys():
                os.kill(child, signal.SIGKILL)
                statuses[child] = os.waitpid(child, 0)[1]
        time.sleep(0.002)
    return [statuses[child] for child in children]


def contents(folder: Path) -> dict[str, object]:
    """Everything a run leaves that must not depend on kills: its last checkpoint, and its metrics without the clock."""
    state = Run(folder).load()
    assert state is not None
    lines = [{k: v for k, v in line.items() if k not in ("time", "steps_per_second")} for line in Run(folder).metrics()]
    return {"state": state, "metrics": lines}


def differences(one: object, other: object, where: str = "") -> list[str]:
    """The paths at which two nested structures differ in a bit."""
    if isinstance(one, dict) and isinstance(other, dict):
        missing = [f"{where}.{key}" for key in one.keys() ^ other.keys()]
        return missing + [
            d for key in one.keys() & other.keys() for d in differences(one[key], other[key], f"{where}.{key}")
        ]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [d for i, (a, b) in enumerate(zip(one, other, strict=True)) for d in differences(a, b, f"{where}[{i}]")]
    same = (
        torch.equal(one, other) if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor) else one == other
    )
    return [] if same else [where]


def compare(alone: Path, killed: Path) -> None:
    """Fail where a finished run that was killed on its way differs from the one left alone."""
    found = differences(contents(alone), contents(killed)) or differences(
        dict.fromkeys(Run(alone).checkpoints()), dict.fromkeys(Run(killed).checkpoints())
    )
    if found:
        raise SystemExit(f"{killed} was killed and differs from {alone} in {', '.join(found)}")


def check(folder: Path, name: str, count: int, kills: int, seed: int) -> tuple[int, int, int]:
    """Kill runs of `count` processes `kills` times, every second time in a write, and one of them at any moment.

    Returns the kills in a write, the finished runs, and the checkpoints that were found and loaded on the way.
    """
    data = images(experiment(name))
    alone, killed = folder / "alone", folder / "killed"
    began = time.monotonic()
    assert ended(run_children(alone, name, data, count, None)) == [0] * count
    duration = time.monotonic() - began
    choose = random.Random(seed)
    done = in_writes = finished = loaded = 0
    while True:
        in_write = done % 2 == 1
        last = done == kills
        children = run_children(killed, name, data, count, choose.randint(1, 6) if in_write and not last else None)
        if not in_write and not last:
            time.sleep(choose.uniform(0, duration))
            os.kill(choose.choice(children), signal.SIGKILL)
        statuses = ended(children)
        for step in Run(killed).checkpoints():
            state = Run(killed).load(step)
            assert state is not None
            assert state["step"] == step
            loaded += 1
        if any(os.WIFSIGNALED(status) for status in statuses):
            done, in_writes = done + 1, in_writes + in_write
            continue
        assert not any(statuses), f"{name}: a run that was killed {done} times did not go on"
        compare(alone, killed)
        finished += 1
        shutil.rmtree(killed)
        if last:
            return in_writes, finished, loaded


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--experiments", nargs="+", default=KILLED)
    parser.add_argument("--processes", type=int, default=1, help="of a run, as torchrun would start them")
    given = parser.parse_args()
    torch.set_num_threads(1)
    for name in given.experiments:
        in_writes, finished, loaded = check(given.folder / name, name, given.processes, given.kills, given.seed)
        print(
            f"{name} in {given.processes} processes: {given.kills} kills, {in_writes} of them in a write; "
            f"{loaded} checkpoints found and loaded; "
            f"{finished} runs came to their end, and not a bit differs"
        )


if __name__ == "__main__":
    main()
