"""What f̂ of a discriminator does between samples: how much of its change is slope, and how much jumps at kinks."""

from collections.abc import Iterable, Iterator
from copy import deepcopy
from statistics import median

import installed  # noqa: F401 - one sentence where gnref is missing
import numpy as np
import torch
from torch import Tensor, nn

from gnref.certificates import Chain, Segment, Walk
from gnref.certificates.pieces import Pieces
from gnref.networks import PointDiscriminator
from gnref.training.trainer import Trainer

KINDS = {"real": "real to real", "fake": "fake to fake", "across": "real to fake"}
MOST = 20_000
"""More regions than that a segment is not walked through; `covered` says so."""
_LARGEST = ("quotient", "jump", "excess", "residual")


def summaries(trainer: Trainer, reals: Tensor, pairs: int) -> dict[str, float]:
    """By kind of segment: the median of each of `quantities` over `pairs` segments, and of some the largest too.

    reals (≥ 3 pairs, ...), as the data set has them; the fakes are drawn from the trainer's sampler with seed 0.
    """
    found = {}
    for kind, ends in _pairs(trainer, reals, pairs).items():
        rows = [quantities(segment) for segment in _cut(trainer.discriminator, ends)]
        for name in rows[0]:
            found[f"{kind}.{name}"] = median(row[name] for row in rows)
        for name in _LARGEST:
            found[f"{kind}.largest_{name}"] = max(row[name] for row in rows)
    return found


def quantities(segment: Pieces) -> dict[str, float]:
    """Of one segment, from p to q.

    quotient: |f̂(q) - f̂(p)| / ‖q - p‖, of the ends alone.
    slope, jumps, bounds: by unit of length, Σ|Δf̂| over the pieces, Σ J over the kinks, Σ tanh(|Δ log ‖∇f‖|/4).
    excess: the smallest c with |Δf̂| ≤ ‖Δx‖ + c for all pairs of points of the segment.
    jump10 to jump99, jump: percentiles of J, and the largest; kinks: their number.
    steepest: the largest ‖∇f̂‖ inside a piece; covered: the share of the segment that was cut; residual: its own check.
    """
    covered = segment.covered if isinstance(segment, Walk) else 1.0
    ends, jumps, length = segment.normalized(), segment.jumps(), float(segment.length)
    scale = length * covered
    shares = np.percentile(jumps, (10, 50, 90, 99)) if len(jumps) else np.zeros(4)
    return {
        "quotient": abs(float(ends[-1, 1] - ends[0, 0])) / length,
        "slope": float(segment.variation()) / scale,
        "jumps": float(jumps.sum()) / scale,
        "bounds": float(segment.jump_bounds().sum()) / scale,
        "excess": float(segment.excess()),
        **{f"jump{share}": float(value) for share, value in zip((10, 50, 90, 99), shares, strict=True)},
        "jump": float(jumps.max(initial=0)),
        "kinks": int(segment.joined.sum()) / covered,
        "steepest": float(segment.gradient_norms_normalized().max()),
        "covered": covered,
        "length": length,
        "residual": float(segment.residual()),
    }


def _pairs(trainer: Trainer, reals: Tensor, pairs: int) -> dict[str, Iterable[tuple[Tensor, Tensor]]]:
    real = reals.double()
    if real.dim() > 2:
        real = real / 127.5 - 1
    with trainer.sampler() as generator, torch.random.fork_rng():
        torch.manual_seed(0)
        fake = generator(torch.randn(3 * pairs, trainer.experiment.latent)).double()
    first, second, third = (slice(k * pairs, (k + 1) * pairs) for k in range(3))
    return {
        "real": zip(real[first], real[second], strict=True),
        "fake": zip(fake[first], fake[second], strict=True),
        "across": zip(real[third], fake[third], strict=True),
    }


def _cut(discriminator: nn.Module, ends: Iterable[tuple[Tensor, Tensor]]) -> Iterator[Pieces]:
    twin = deepcopy(discriminator).eval().double().requires_grad_(False)
    if isinstance(twin, PointDiscriminator):
        network = chain(twin)
        yield from (Segment.of(network, p.numpy(), q.numpy()) for p, q in ends)
    else:
        yield from (Walk.of(twin, p, q, MOST) for p, q in ends)


def chain(discriminator: PointDiscriminator) -> Chain:
    """The weights of its only replica (spectral norm divided out), for the certificates."""
    layers = [layer for layer in discriminator.layers if hasattr(layer, "weight")]
    return Chain.of([(layer.weight[0].detach().T.numpy(), layer.bias[0, 0].detach().numpy()) for layer in layers])
