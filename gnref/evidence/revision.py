"""The revision of what a study's numbers are made by: trainer and scorer. Raise it when either changes its results.

A record carries it; records of another revision are marked OLDER and made again by `--run`. A test repeats the short
float64 trajectories that are kept beside it and fails where they move, so that a change is not missed.
"""

import torch

from gnref.data.load import load
from gnref.evaluation import wasserstein_distance
from gnref.training.experiments import EXPERIMENTS
from gnref.training.trainer import Trainer

REVISION = 1
GUARDED = (
    "vanilla", "sn", "1-gp", "0-gp", "gn", "gn1", "gn0", "r1-every-4", "r3gan", "lecam", "gn-relativistic", "gran-10",
)  # fmt: skip
STEPS = 5


def trajectory(arm: str) -> list[float]:
    """The Wasserstein distance of 16 generated points to 16 reals after each of five steps, in float64."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        e = EXPERIMENTS[f"ring-mlp-{arm}"].changed(width=8, replicas=2, batch=16, generator_batch=16, steps=STEPS)
        reals = load("ring", None, 2)
        trainer = Trainer(e, reals, seed=0)
        z = torch.randn(32, e.latent, generator=torch.Generator().manual_seed(0))
        found = []
        for _ in range(STEPS):
            trainer.step()
            with trainer.sampler() as generator:
                made = generator(z)[::2]
            found.append(wasserstein_distance(made, reals.fetch(torch.arange(16))))
        return found
    finally:
        torch.set_default_dtype(before)
