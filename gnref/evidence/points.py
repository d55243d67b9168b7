"""One run of the study in the plane: an arm trained with its replicas, and each replica scored along the way."""

import numpy as np
import torch
from torch import Tensor

from gnref.data.points import grid_centres, mixture, ring_centres
from gnref.errors import UserError
from gnref.evaluation import covered_modes, wasserstein_distance
from gnref.evidence.moments import scored_moments
from gnref.training.experiment import Experiment

POINTS = 500
"""Generated points, and reals, of one score."""
DEVIATION = 0.05
REALS_SEED, LATENTS_SEED = 1, 2
CENTRES = {"ring": ring_centres, "grid": grid_centres}


def train_and_score(e: Experiment, seed: int, scored_at: tuple[int, ...]) -> dict[str, float | None]:
    """Scores by name: `wasserstein/STEP/REPLICA`, `lost/STEP/REPLICA` and `stray/STEP/REPLICA`."""
    reals, centres = real_points(e.dataset)
    z = torch.randn(POINTS * e.replicas, e.latent, generator=torch.Generator().manual_seed(LATENTS_SEED))
    found: dict[str, float | None] = {}
    for step, made in scored_moments(e, seed, scored_at, lambda generator: generator(z)):
        for replica in range(e.replicas):
            mine = made[replica :: e.replicas]
            found |= {f"{key}/{step}/{replica}": value for key, value in scores(mine, reals, centres).items()}
    return found


def real_points(dataset: str) -> tuple[Tensor, Tensor]:
    """The reals of every score, and the centres of their modes."""
    if dataset not in CENTRES:
        raise UserError(f"expected points, one of {', '.join(CENTRES)}; got {dataset}")
    centres = CENTRES[dataset]()
    draws = torch.Generator().manual_seed(REALS_SEED)
    return mixture(centres, POINTS, DEVIATION, draws)[0], centres


def scores(made: Tensor, reals: Tensor, centres: Tensor) -> dict[str, float | None]:
    """Three distances from the truth, lower is better; None for points that are no numbers.

    `wasserstein`: W₁ to the reals. `lost`: the share of modes without a fifth of their fair part of the points, within
    four deviations. `stray`: the share of points farther than four deviations from every mode.
    """
    if not bool(made.isfinite().all()):
        return dict.fromkeys(("wasserstein", "lost", "stray"))
    nearest = torch.cdist(made.double(), centres.double()).amin(1)
    return {
        "wasserstein": wasserstein_distance(made, reals),
        "lost": 1 - covered_modes(made, centres, DEVIATION) / len(centres),
        "stray": float(np.mean((nearest > 4 * DEVIATION).numpy())),
    }
