"""The revision of what a study's numbers are made by: trainer and scorer. Raise it when either changes its results.

A record carries it; records of another revision are marked OLDER and made again by `--run`. A test repeats the short
float64 trajectories that are kept beside it and fails where they move, so that a change is not missed.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from gnref.data.images import ImageSet
from gnref.data.load import load
from gnref.data.shapes import shapes
from gnref.evaluation import wasserstein_distance
from gnref.evidence.image_damages import blur
from gnref.evidence.images import scores_of_bytes
from gnref.training.experiments import EXPERIMENTS
from gnref.training.trainer import Trainer

REVISION = 1
GUARDED = (
    "vanilla", "sn", "1-gp", "0-gp", "gn", "gn1", "gn0", "r1-every-4", "r3gan", "lecam", "gn-relativistic", "gran-10",
)  # fmt: skip
GUARDED_IMAGES = ("vanilla", "sn", "1-gp", "gn-cr", "gn-elu", "r3gan")
STEPS = 5


def trajectory(arm: str) -> list[float]:
    """The Wasserstein distance of 16 generated points to 16 reals after each of five steps, in float64."""
    with _float64():
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


def trajectory_of_images(arm: str) -> list[float]:
    """The root mean square of 4 generated images after each of two steps, in float64."""
    with _float64():
        e = EXPERIMENTS[f"shapes16-resnet-{arm}"].changed(width=1, batch=4, generator_batch=4, n_dis=2, steps=2)
        trainer = Trainer(e, ImageSet(*shapes(32, 16)), seed=0)
        z = torch.randn(4, e.latent, generator=torch.Generator().manual_seed(0))
        found = []
        for _ in range(2):
            trainer.step()
            with trainer.sampler() as generator:
                found.append(generator(z).square().mean().sqrt().item())
        return found


def scores_of_known_images() -> dict[str, float]:
    """What the study's scorer says of 100 shapes, blurred by a fixed kernel."""
    return scores_of_bytes(blur(shapes(100, 16, 7), 0.7, torch.Generator()), 16)


@contextmanager
def _float64() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
