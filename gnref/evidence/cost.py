"""What a step of each arm costs: counted multiplications, and CPU seconds measured with all arms beside one another."""

import time
from collections.abc import Mapping
from statistics import median

import torch

from gnref.data.load import load
from gnref.evidence.jobs import Job
from gnref.evidence.options import Options
from gnref.evidence.registered import Regime
from gnref.evidence.revision import REVISION
from gnref.measure.counting import count
from gnref.training.trainer import Trainer

ROUNDS, STEPS = 5, 16
"""A multiple of 16 steps, so that every lazy penalty has its share."""


def job(regime: Regime) -> Job:
    """All arms of a regime."""
    settings = {"regime": regime.name, "arms": list(regime.arms), "rounds": ROUNDS, "steps": STEPS, **regime.recipe}
    lines = (f"study.{regime.name}.cost",)
    return Job(f"{regime.name}-cost", "study", 0, settings, lambda options: measure(regime), lines, revision=REVISION)


def measure(regime: Regime) -> Mapping[str, float | None]:
    """`flops/ARM`, of a mean step; `seconds/ARM/ROUND`, of this process's own time, a step's."""
    torch.set_num_threads(1)
    found: dict[str, float | None] = {}
    trainers = {}
    for arm in regime.arms:
        e = regime.experiment(arm)
        trainers[arm] = Trainer(e, load(e.dataset, None, e.size), 0)
        found[f"flops/{arm}"] = sum(count(trainers[arm].step).flops for _ in range(STEPS)) / STEPS
    for turn in range(ROUNDS):
        for arm, trainer in trainers.items():
            began = time.process_time()
            for _ in range(STEPS):
                trainer.step()
            found[f"seconds/{arm}/{turn}"] = (time.process_time() - began) / STEPS
    return found


def ratios(regime: Regime, options: Options) -> dict[str, tuple[float, float]]:
    """By arm a step's counted multiplications and CPU seconds, as multiples of vanilla's; empty where not measured."""
    mine = job(regime)
    record = mine.record(options)
    if record is None:
        return {}
    vanilla = [record.value(f"seconds/vanilla/{turn}") for turn in range(ROUNDS)]
    return {
        arm: (
            record.value(f"flops/{arm}") / record.value("flops/vanilla"),
            median(record.value(f"seconds/{arm}/{turn}") / vanilla[turn] for turn in range(ROUNDS)),
        )
        for arm in regime.arms
    }
