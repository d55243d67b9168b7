"""What f̂ does between two samples: certified region by region as far as the budget goes, sampled for the rest."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnref.certificates import Walk
from gnref.diagnosis.subject import Subject
from gnref.quotient import normalize

Array = NDArray[np.float64]
SAMPLES = 17
_BATCH = 16


@dataclass(frozen=True)
class Quotient:
    """|f̂(a) - f̂(b)| / ‖a - b‖ of two points of a segment, at t and t + gap of it."""

    value: float
    t: float
    gap: float


@dataclass(frozen=True)
class SegmentReport:
    """One segment, from sample `first` to sample `second`."""

    first: int
    second: int
    length: float
    t: Array
    normalized: Array
    slope: Array
    """f̂ and ‖∇f̂‖ at the points t, sampled."""
    walk: Walk | None
    """The certified pieces; None where the discriminator is not piecewise linear."""
    found: Quotient
    """The largest quotient met, among neighbouring points of the sample and neighbouring pieces' middles."""


def segment(
    subject: Subject, first: int, second: int, regions: int, progress: Callable[[int], object]
) -> SegmentReport:
    """Examine a segment of a float64 subject in evaluation mode; `regions` = 0 only samples it."""
    p, q = subject.x[first], subject.x[second]
    score = subject.score(first)
    length = float((q - p).norm())
    t = np.linspace(0, 1, SAMPLES)
    normalized, slope = _sampled(score, p, q, t, piecewise_linear=regions > 0)
    found = _largest(t, normalized, length)
    walk = Walk.of(score, p, q, regions, progress) if regions else None
    if walk is not None and len(walk) > 1:
        found = max(found, _across_kinks(walk), key=lambda quotient: quotient.value)
    return SegmentReport(first, second, length, t, normalized, slope, walk, found)


def _sampled(
    score: Callable[[Tensor], Tensor], p: Tensor, q: Tensor, t: Array, piecewise_linear: bool
) -> tuple[Array, Array]:
    """f̂ and ‖∇f̂‖ at the points t; inside a linear region ‖∇f̂‖ = (1 - |f̂|)², and 0 where ∇f = 0."""
    values, slopes = [], []
    for start in range(0, len(t), _BATCH):
        times = torch.as_tensor(t[start : start + _BATCH]).reshape(-1, *[1] * p.dim())
        x = ((1 - times) * p + times * q).requires_grad_()
        with torch.enable_grad():
            f = score(x)
            (v,) = torch.autograd.grad(f.sum(), x, create_graph=not piecewise_linear)
            normalized, norm = normalize(f, v.flatten(1), "abs")
            if piecewise_linear:
                slope = torch.where(norm > 0, (1 - normalized.abs()) ** 2, 0)
            else:
                slope = torch.autograd.grad(normalized.sum(), x)[0].flatten(1).norm(dim=1)
        values.append(normalized.detach())
        slopes.append(slope.detach())
    return torch.cat(values).numpy(), torch.cat(slopes).numpy()


def _largest(t: Array, normalized: Array, length: float) -> Quotient:
    quotients = np.abs(np.diff(normalized)) / (np.diff(t) * length)
    i = int(np.argmax(quotients))
    return Quotient(float(quotients[i]), float(t[i]), float(t[i + 1] - t[i]))


def _across_kinks(walk: Walk) -> Quotient:
    """The largest quotient of the middles of two pieces that meet in a kink."""
    f = (walk.f_start + walk.f_end) / 2
    middles = f / np.where(walk.norms + np.abs(f) == 0, 1, walk.norms + np.abs(f))
    t = (walk.start + walk.end) / 2
    quotients = np.where(walk.joined, np.abs(np.diff(middles)) / (np.diff(t) * walk.length), 0)
    i = int(np.argmax(quotients))
    return Quotient(float(quotients[i]), float(t[i]), float(t[i + 1] - t[i]))
