"""What f̂ does between two samples: certified region by region as far as the budget goes, sampled for the rest."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnref.certificates import Walk
from gnref.diagnosis.numbers import numbers_at
from gnref.diagnosis.subject import Subject

Array = NDArray[np.float64]
SAMPLES = 17


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
    subject: Subject,
    sketch: Subject,
    first: int,
    second: int,
    regions: int,
    progress: Callable[[int], object],
) -> SegmentReport:
    """Examine a segment of a float64 subject in evaluation mode; `regions` = 0 only samples it.

    `sketch` is the same subject, perhaps in float32: it is where f̂ is sampled. The quotient that is reported as found
    is computed anew in float64, so that a float32 sample can miss the largest, but cannot claim one.
    """
    p, q = subject.x[first], subject.x[second]
    score = subject.score(first)
    length = float((q - p).norm())
    t = np.linspace(0, 1, SAMPLES)
    normalized, slope = _sampled(sketch.score(first), (p, q), t, sketch.x.dtype, linear=regions > 0)
    i = int(np.argmax(np.abs(np.diff(normalized))))
    ends, _ = _sampled(score, (p, q), t[i : i + 2], torch.float64, linear=regions > 0)
    found = Quotient(float(abs(ends[1] - ends[0])) * (SAMPLES - 1) / length, float(t[i]), float(t[i + 1] - t[i]))
    walk = Walk.of(score, p, q, regions, progress) if regions else None
    if walk is not None and len(walk) > 1:
        found = max(found, _across_kinks(walk), key=lambda quotient: quotient.value)
    return SegmentReport(first, second, length, t, normalized, slope, walk, found)


def _sampled(
    score: Callable[[Tensor], Tensor], ends: tuple[Tensor, Tensor], t: Array, dtype: torch.dtype, linear: bool
) -> tuple[Array, Array]:
    """f̂ and ‖∇f̂‖ at the points t of the segment between `ends`."""
    times = torch.as_tensor(t).reshape(-1, *[1] * ends[0].dim())
    found = numbers_at(score, ((1 - times) * ends[0] + times * ends[1]).to(dtype), linear)
    return found.normalized.numpy(), found.slope.numpy()


def _across_kinks(walk: Walk) -> Quotient:
    """The largest quotient of the middles of two pieces that meet in a kink."""
    f = (walk.f_start + walk.f_end) / 2
    middles = f / np.where(walk.norms + np.abs(f) == 0, 1, walk.norms + np.abs(f))
    t = (walk.start + walk.end) / 2
    quotients = np.where(walk.joined, np.abs(np.diff(middles)) / (np.diff(t) * walk.length), 0)
    i = int(np.argmax(quotients))
    return Quotient(float(quotients[i]), float(t[i]), float(t[i + 1] - t[i]))
