"""Any PyTorch discriminator, linear region by linear region, along a segment, within a stated budget of regions."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gnref.certificates.chain import Array
from gnref.certificates.pieces import Pieces
from gnref.certificates.region import Region
from gnref.errors import UserError

Score = Callable[[Tensor], Tensor]
"""x (N, ...) -> f (N,) or (N, 1), each score a function of its own sample."""

_STRETCHES = 16
_PER_STRETCH = 24
"""A walk begins at 16 places, or at one for every 24 regions of its budget where that is less."""
_AFRESH = 64
"""After how many regions everything is computed anew, so that the rounding of carried values does not add up."""
_STEP = 2.0**-36
"""How far beyond a kink (in t) the next region is looked for; a region shorter than that is found from its gap."""
_PATIENCE = 32
"""After how many turns in a row without a new region the walk ends where it is."""
_RESOLUTION = 2.0**-46
"""In float64, kinks closer than this in t are one."""


@dataclass(frozen=True, eq=False)
class Walk(Pieces):
    """f along x(t) = p + t (q - p): the K linear pieces found, in order of t, in float64.

    start, end (K,) in [0, 1]; f_start, f_end (K,); slopes df/dt (K,); norms ‖∇f‖ (K,); length ‖q - p‖ and rise
    f(q) - f(p). `joined` (K - 1,) says which neighbours meet in a kink; between the others the budget did not reach.
    drift: the largest difference of what was carried from region to region and of the same computed afresh.

    All of it is computed in float64: a kink's t is exact to some 2^-46, and nothing here is proved.
    """

    start: Array
    end: Array
    f_start: Array
    f_end: Array
    slopes: Array
    norms: Array
    length: float
    rise: float
    drift: float

    @classmethod
    def of(
        cls,
        score: Score,
        p: Tensor,
        q: Tensor,
        regions: int = 2000,
        progress: Callable[[int], object] = lambda found: None,
    ) -> "Walk":
        """Walk from several places, each towards the next, until all is covered or `regions` are found.

        p, q: one sample each, without a batch dimension, float64. `score` computes in float64, does not couple samples
        and is piecewise linear; if it is not, `residual` is not small. `progress` is told how many regions were found.

        Raises:
            UserError: p and q are of another dtype or equal, or an operation cannot be followed.
        """
        if p.dtype != torch.float64 or p.shape != q.shape or torch.equal(p, q):
            raise UserError(
                f"Walk: expected two different float64 points of one shape, got {p.dtype} {tuple(p.shape)} "
                f"and {q.dtype} {tuple(q.shape)}"
            )
        pieces, drift = np.empty((0, 6)), 0.0
        stretches = max(1, min(_STRETCHES, regions // _PER_STRETCH))
        ends = np.linspace(0, 1, stretches + 1)
        todo = list(zip(ends[:-1] + _STEP, ends[1:], strict=True))
        turn = idle = 0
        while todo and len(pieces) < regions and idle < _PATIENCE:
            before = len(pieces)
            for left, (at, end) in zip(range(len(todo), 0, -1), todo, strict=True):
                budget = -(-(regions - len(pieces)) // left)
                found, strayed = _follow(score, p, q, at, end, budget)
                pieces, drift = _merged(pieces, found)[:regions], max(drift, strayed)
                progress(len(pieces))
            turn += 1
            idle = 0 if len(pieces) > before else idle + 1
            todo = _gaps(pieces, turn)
        with torch.no_grad():
            rise = float(score(q[None])) - float(score(p[None]))
        start, end, at, f, slopes, norms = _closed(pieces).T
        return cls(
            start,
            end,
            f + slopes * (start - at),
            f + slopes * (end - at),
            slopes,
            norms,
            float((q - p).norm()),
            rise,
            drift,
        )

    def __len__(self) -> int:
        return len(self.slopes)

    @property
    def covered(self) -> float:
        """The share of the segment that the pieces cover."""
        return float((self.end - self.start).sum())

    @property
    def complete(self) -> bool:
        """Whether nothing is left between the pieces, nor before the first and after the last."""
        return bool(self.joined.all() and self.start[0] <= _RESOLUTION and self.end[-1] >= 1 - _RESOLUTION)

    @property
    def joined(self) -> Array:
        """Which pieces (K - 1,) the next one follows with nothing between."""
        return np.asarray(self.start[1:] - self.end[:-1] <= _RESOLUTION)

    def residual(self) -> float:
        """The check on itself, a few roundings of f where D is piecewise linear and every kink was seen.

        The largest of: the drift; |Σ slope Δt - (f(q) - f(p))| of a complete walk; |f_end - f_start| where two pieces
        of an incomplete one join.
        """
        if self.complete:
            apart = abs((self.slopes * (self.end - self.start)).sum() - self.rise)
        else:
            apart = np.abs(self.f_end[:-1] - self.f_start[1:])[self.joined].max(initial=0.0)
        return max(float(apart), self.drift)

    def lipschitz(self) -> tuple[float, float]:
        """The largest slope of f̂ inside a piece found, and the t in its middle."""
        slopes = self.slopes_normalized()
        piece = int(np.argmax(slopes))
        return float(slopes[piece]), float(self.start[piece] + self.end[piece]) / 2

    def largest_jump(self) -> tuple[float, float]:
        """The largest leap of f̂ seen, and its t; (0, 0) where no kink was seen."""
        jumps = self.jumps()
        if not jumps.any():
            return 0.0, 0.0
        kink = int(np.argmax(jumps))
        return float(jumps[kink]), float(self.end[kink])


def _follow(score: Score, p: Tensor, q: Tensor, t: float, end: float, budget: int) -> tuple[Array, float]:
    """From t on to `end`, or until `budget` regions are found: rows (start, end, t, f, slope, norm), and the drift."""
    rows: list[tuple[float, ...]] = []
    region, drift = Region(score, p, q, t), 0.0
    for turn in range(2 * budget):
        start, stop = max(0.0, region.t + region.before), min(1.0, region.t + region.after)
        if start < stop:
            norm = float(region.gradient.norm())
            rows.append((start, stop, region.t, region.f, region.slope, norm))
            drift = max(drift, region.residual())
        if stop >= end or len(rows) >= budget:
            break
        # How far beyond a kink differs from turn to turn, so that a point that fell on a kink is not tried again.
        step = _STEP * (1 + (turn * 0.618) % 1)
        if stop + step >= 1:
            break
        if turn % _AFRESH == _AFRESH - 1:
            fresh = Region(score, p, q, stop + step)
            region.cross(step)
            drift, region = max(drift, abs(fresh.f - region.f)), fresh
        else:
            region.cross(step)
            if region.t + region.before > stop + _RESOLUTION:
                # A region shorter than the step was stepped over, and f with it.
                region = Region(score, p, q, region.t)
    with torch.no_grad():
        x = (1 - region.t) * p + region.t * q
        drift = max(drift, abs(float(score(x[None])) - region.f))
    return np.array(rows).reshape(-1, 6), drift


def _merged(pieces: Array, found: Array) -> Array:
    """All pieces in order of t, none beginning before the one before it ends; a point on a kink itself says nothing."""
    together = np.concatenate([pieces, found[found[:, 0] < found[:, 1]]])
    together = together[np.argsort(together[:, 2], kind="stable")]
    new = np.concatenate([[True], together[1:, 2] > together[:-1, 1]])[: len(together)]
    together = together[new]
    together[1:, 0] = np.maximum(together[1:, 0], together[:-1, 1])
    return np.asarray(together)


def _closed(pieces: Array) -> Array:
    """The gaps that are no more than rounding closed, so that their many widths do not add up."""
    closed = pieces.copy()
    near = closed[1:, 0] - closed[:-1, 1] <= _RESOLUTION
    closed[1:, 0] = np.where(near, closed[:-1, 1], closed[1:, 0])
    if len(closed) and closed[0, 0] <= _RESOLUTION:
        closed[0, 0] = 0
    if len(closed) and closed[-1, 1] >= 1 - _RESOLUTION:
        closed[-1, 1] = 1
    return closed


def _gaps(pieces: Array, turn: int) -> list[tuple[float, float]]:
    """(where to begin, end) of each gap: just inside it at its low end, or within it where it is short.

    How far inside differs from turn to turn, so that a point that fell on a kink is not tried again.
    """
    starts, ends = np.concatenate([[0.0], pieces[:, 1]]), np.concatenate([pieces[:, 0], [1.0]])
    share = 0.1 + 0.8 * ((turn * 0.618) % 1)
    at = starts + np.minimum(_STEP * 2.0 ** (turn % 8), share * (ends - starts))
    wide = ends - starts > _RESOLUTION
    return list(zip(at[wide].tolist(), ends[wide].tolist(), strict=True))
