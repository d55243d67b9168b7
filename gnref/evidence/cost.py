"""What a step of each arm costs: counted multiplications, and CPU seconds measured with all arms beside one another."""

import time
from collections.abc import Mapping
from statistics import median

import torch

from gnref.data.load import load
from gnref.evidence.arms import kind
from gnref.evidence.jobs import Job
from gnref.evidence.options import Options
from gnref.evidence.registered import Regime
from gnref.evidence.revision import REVISION
from gnref.measure.counting import count
from gnref.training.trainer import Trainer

ROUNDS = 5


def jobs(regime: Regime) -> list[Job]:
    """All arms of a regime beside one another; those registered later beside the unnormalized one."""
    groups = {f"{regime.name}-cost": regime.first}
    if regime.later:
        groups[f"{regime.name}-cost-later"] = ("vanilla", *regime.later)
    return [_job(regime, name, arms) for name, arms in groups.items()]


def _job(regime: Regime, name: str, arms: tuple[str, ...]) -> Job:
    steps = kind(regime).cost_steps
    settings = {**regime.recipe, "regime": regime.name, "arms": list(arms), "rounds": ROUNDS, "steps": steps}
    lines = (f"study.{regime.name}.cost",)
    return Job(name, "study", 0, settings, lambda options: measure(regime, arms), lines, revision=REVISION)


def measure(regime: Regime, arms: tuple[str, ...]) -> Mapping[str, float | None]:
    """`flops/ARM`, of a mean step; `seconds/ARM/ROUND`, of this process's own time, a step's."""
    torch.set_num_threads(1)
    steps = kind(regime).cost_steps
    found: dict[str, float | None] = {}
    trainers = {}
    for arm in arms:
        e = regime.experiment(arm)
        trainers[arm] = Trainer(e, load(e.dataset, None, e.size), 0)
        found[f"flops/{arm}"] = sum(count(trainers[arm].step).flops for _ in range(steps)) / steps
    for turn in range(ROUNDS):
        for arm, trainer in trainers.items():
            began = time.process_time()
            for _ in range(steps):
                trainer.step()
            found[f"seconds/{arm}/{turn}"] = (time.process_time() - began) / steps
    return found


def ratios(regime: Regime, options: Options) -> dict[str, tuple[float, float]]:
    """By arm a step's counted multiplications and CPU seconds, as multiples of vanilla's; empty where not measured."""
    found: dict[str, tuple[float, float]] = {}
    for job in jobs(regime):
        record = job.record(options)
        if record is None:
            continue
        vanilla = [record.value(f"seconds/vanilla/{turn}") for turn in range(ROUNDS)]
        for arm in job.settings["arms"]:
            flops = record.value(f"flops/{arm}") / record.value("flops/vanilla")
            seconds = median(record.value(f"seconds/{arm}/{turn}") / vanilla[turn] for turn in range(ROUNDS))
            found.setdefault(arm, (flops, seconds))
    return found
