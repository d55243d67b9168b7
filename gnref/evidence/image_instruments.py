"""The scores of images on a truth damaged in known ways, and what is estimated of an image beside what it shows."""

import math

import numpy as np
import torch

from gnref.data.shapes import factors, shapes
from gnref.evidence.image_damages import DAMAGES
from gnref.evidence.images import IMAGES, INSTRUMENTS, scores_of_bytes
from gnref.evidence.seen import seen

FIRST_SEED = 5_000_001
"""Of the samples: other shapes than those of training, of the features and of the scores' reals."""


def measure(size: int, samples: int) -> dict[str, float | None]:
    """Every instrument on every damage, by `INSTRUMENT/DAMAGE/AMOUNT/SAMPLE`; then how well the estimates agree."""
    torch.set_num_threads(1)
    found: dict[str, float | None] = {}
    for sample in range(samples):
        images = shapes(IMAGES, size, FIRST_SEED + sample)
        for damage, (harm, amounts) in DAMAGES.items():
            for number, amount in enumerate(amounts):
                draws = torch.Generator().manual_seed(sample)
                scored = scores_of_bytes(harm(images, amount, draws), size)
                found |= {f"{name}/{damage}/{number}/{sample}": scored[name] for name in INSTRUMENTS}
    return found | {f"estimated/{what}": value for what, value in agreement(size).items()}


def agreement(size: int) -> dict[str, float]:
    """Over fresh images: the share of classes named right, the correlation of places and of sizes with the true ones,
    and the mean cosine of the difference of hues.
    """
    images, labels = shapes(IMAGES, size, FIRST_SEED)
    shown, true = seen(images), factors(IMAGES, FIRST_SEED)
    places = ((shown.position[:, 0], true.shift_x), (shown.position[:, 1], true.shift_y))
    hue = np.arctan2(shown.colour[:, 1], shown.colour[:, 0])
    return {
        "class": float((shown.label == labels.numpy()).mean()),
        "position": min(float(np.corrcoef(a, b)[0, 1]) for a, b in places),
        "scale": float(np.corrcoef(shown.scale, true.scale)[0, 1]),
        "hue": float(np.cos(hue - 2 * math.pi * true.hue).mean()),
    }
