"""How runs on the embedded shapes are scored: by what their images show, and by FID in shapes-features.

The law of the shapes is known, and what an image shows can be estimated without anything learned
(`gnref.evidence.seen`): so a generator is judged by the joint distribution of class, place, size and colours, and by
how unlike a shape its images are.
"""

from collections.abc import Mapping
from functools import cache

import numpy as np
import torch
from scipy.spatial.distance import cdist
from torch import Tensor, nn

from gnref.data.images import ImageSet, to_bytes
from gnref.data.shapes import CLASSES, Array, shapes
from gnref.evaluation.features import feature_space
from gnref.evaluation.scores import Gaussian, extract, frechet_distance, gaussian
from gnref.evidence.moments import scored_moments
from gnref.evidence.seen import Seen, seen
from gnref.training.experiment import Experiment

IMAGES = 1000
"""Generated images, and reals, of one score."""
REALS_SEED, LATENTS_SEED = 4_000_001, 2
"""Another seed of the shapes than training's, 0, and than the features'."""
UNLIKE_UNIT = 0.05
"""Of `unlike` in the joint distance: about its value for real images; the other factors' units are their deviations."""


def train_and_score(e: Experiment, seed: int, scored_at: tuple[int, ...]) -> dict[str, float | None]:
    """Scores by name, `factors/STEP/0` and so on for every instrument: one run is one replica."""
    z = torch.randn(IMAGES, e.latent, generator=torch.Generator().manual_seed(LATENTS_SEED))
    found: dict[str, float | None] = {}

    def sample(generator: nn.Module) -> Tensor:
        return torch.cat([generator(z[i : i + 100]) for i in range(0, IMAGES, 100)])

    for step, made in scored_moments(e, seed, scored_at, sample):
        found |= {f"{key}/{step}/0": value for key, value in scores(made, e.size).items()}
    return found


def scores(made: Tensor, size: int) -> dict[str, float | None]:
    """Every instrument on images in [-1, 1]; None for images that are no numbers."""
    if not bool(made.isfinite().all()):
        return dict.fromkeys(INSTRUMENTS)
    return dict(scores_of_bytes(to_bytes(made), size))


def scores_of_bytes(images: Tensor, size: int) -> dict[str, float]:
    """Distances from the truth of uint8 images (N, 3, S, S); lower is better.

    `factors`: the energy distance between what these and as many real images show, all factors together, each in units
    of its deviation. `position`, `scale`, `colour`: that of one factor. `class`: half the sum of differences of the
    classes' shares from a tenth. `unlike`: the mean of `Seen.unlike`. `fid`, `untrained-fid`: the Fréchet distance in
    the shapes' features and in untrained ones.
    """
    shown, truth = seen(images), _truth(size)
    real, space = truth.shown, truth.units
    shares = np.bincount(shown.label, minlength=len(CLASSES)) / len(shown.label)
    found = {
        "factors": energy_distance(space.joint(shown), space.joint(real)),
        "class": float(np.abs(shares - 1 / len(CLASSES)).sum() / 2),
        "position": energy_distance(shown.position / space.position, real.position / space.position),
        "scale": energy_distance(shown.scale[:, None] / space.scale, real.scale[:, None] / space.scale),
        "colour": energy_distance(shown.colour / space.colour, real.colour / space.colour),
        "unlike": float(shown.unlike.mean()),
    }
    for name, features in FEATURES.items():
        found[name] = frechet_distance(_gaussian(images, features), truth.gaussians[features])
    return found


FEATURES: Mapping[str, str] = {"fid": "shapes", "untrained-fid": "random"}
INSTRUMENTS = ("factors", "fid", "class", "position", "scale", "colour", "unlike", "untrained-fid")


def energy_distance(first: Array, second: Array) -> float:
    """2 E|X - Y| - E|X - X'| - E|Y - Y'| over all pairs of different points, from points (N, d) and (M, d).

    Unbiased, so that it can lie a little below 0; 0 in the mean where, and only where, the two laws are one [Székely
    and Rizzo 2013].
    """
    within = [cdist(x, x).sum() / (len(x) * (len(x) - 1)) for x in (first, second)]
    return float(2 * cdist(first, second).mean() - sum(within))


class _Units:
    """The deviation of every factor over real images, as the root mean square over its dimensions."""

    def __init__(self, real: Seen) -> None:
        self.position, self.scale, self.colour, self.background = (
            float(np.sqrt(each.reshape(len(real.label), -1).var(0).mean()))
            for each in (real.position, real.scale, real.colour, real.background)
        )

    def joint(self, shown: Seen) -> Array:
        """All factors side by side, (N, 18): class as one of ten unit vectors."""
        return np.concatenate(
            [
                np.eye(len(CLASSES))[shown.label],
                shown.position / self.position,
                shown.scale[:, None] / self.scale,
                shown.colour / self.colour,
                shown.background / self.background,
                shown.unlike[:, None] / UNLIKE_UNIT,
            ],
            axis=1,
        )


class _Truth:
    """What real images show, the units of the factors, and the Gaussians of their features."""

    def __init__(self, size: int) -> None:
        images, _ = shapes(IMAGES, size, REALS_SEED)
        self.shown = seen(images)
        self.units = _Units(self.shown)
        self.gaussians = {features: _gaussian(images, features) for features in FEATURES.values()}


@cache
def _truth(size: int) -> _Truth:
    return _Truth(size)


def _gaussian(images: Tensor, features: str) -> Gaussian:
    return gaussian(extract(ImageSet(images), feature_space(features), "features", progress=False).values)
