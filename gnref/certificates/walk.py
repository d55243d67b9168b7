"""Any PyTorch discriminator, linear region by linear region, along a segment, within a stated budget of regions."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.autograd.forward_ad import dual_level

from gnref.certificates.chain import Array
from gnref.certificates.kinks import KinkDistances, make_dual, unpack_dual
from gnref.certificates.pieces import Pieces
from gnref.errors import UserError

Score = Callable[[Tensor], Tensor]
"""x (N, ...) -> f (N,) or (N, 1), each score a function of its own sample."""

_WALKERS = 16
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
    """

    start: Array
    end: Array
    f_start: Array
    f_end: Array
    slopes: Array
    norms: Array
    length: float
    rise: float

    @classmethod
    def of(
        cls,
        score: Score,
        p: Tensor,
        q: Tensor,
        regions: int = 2000,
        progress: Callable[[int], object] = lambda found: None,
    ) -> "Walk":
        """Walk from 16 points at once, each towards the next, until all is covered or `regions` are found.

        p, q: one sample each, without a batch dimension, float64. `score` computes in float64, does not couple samples
        and is piecewise linear; if it is not, `residual` is not small. `progress` is told how many regions were found.
        Raises UserError for p, q of another dtype or equal, or an operation that cannot be followed.
        """
        if p.dtype != torch.float64 or p.shape != q.shape or torch.equal(p, q):
            raise UserError(
                f"Walk: expected two different float64 points of one shape, got {p.dtype} {tuple(p.shape)} "
                f"and {q.dtype} {tuple(q.shape)}"
            )
        pieces = np.empty((0, 6))
        todo = np.linspace(0, 1, _WALKERS + 1)[:-1] + _STEP
        turn = idle = 0
        while len(todo) and len(pieces) < regions and idle < _PATIENCE:
            before = len(pieces)
            pieces = _merged(pieces, _pieces_at(score, p, q, todo[: regions - before]))
            progress(len(pieces))
            turn += 1
            idle = 0 if len(pieces) > before else idle + 1
            todo = _next_points(pieces, turn)
        with torch.no_grad():
            ends = score(torch.stack([p, q])).reshape(2)
        start, end, at, f, slopes, norms = _closed(pieces).T
        return cls(
            start,
            end,
            f + slopes * (start - at),
            f + slopes * (end - at),
            slopes,
            norms,
            float((q - p).norm()),
            float(ends[1] - ends[0]),
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

        |Σ slope Δt - (f(q) - f(p))| of a complete walk; otherwise the largest |f_end - f_start| where two pieces join.
        """
        if self.complete:
            return float(abs((self.slopes * (self.end - self.start)).sum() - self.rise))
        return float(np.abs(self.f_end[:-1] - self.f_start[1:])[self.joined].max(initial=0.0))

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


def _pieces_at(score: Score, p: Tensor, q: Tensor, t: Array) -> Array:
    """The pieces around points t (n,): rows (start, end, t, f, slope, norm). One tangent pass and one gradient."""
    times = torch.as_tensor(t).reshape(-1, *[1] * p.dim())
    x = ((1 - times) * p + times * q).requires_grad_()
    direction = (q - p).expand_as(x)
    with torch.enable_grad(), dual_level():
        distances = KinkDistances(len(t), p.dtype)
        with distances:
            f, slope = unpack_dual(score(make_dual(x, direction)).reshape(len(t)))
            slopes = np.zeros(len(t)) if slope is None else slope.detach().numpy().copy()
    # Outside the dual level, or the gradient would carry a tangent of its own, which is zero.
    (v,) = torch.autograd.grad(f.sum(), x)
    start = np.clip(t + distances.before.numpy(), 0, 1)
    end = np.clip(t + distances.after.numpy(), 0, 1)
    return np.stack([start, end, t, f.detach().numpy(), slopes, v.flatten(1).norm(dim=1).numpy()], axis=1)


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


def _next_points(pieces: Array, turn: int) -> Array:
    """A point just inside each gap, at its low end, or within it where it is short.

    How far inside differs from turn to turn, so that a point that fell on a kink is not tried again.
    """
    starts = np.concatenate([[0.0], pieces[:, 1]])
    ends = np.concatenate([pieces[:, 0], [1.0]])
    gaps = np.nonzero(ends - starts > _RESOLUTION)[0]
    share = 0.1 + 0.8 * ((turn * 0.618) % 1)
    return np.asarray(starts[gaps] + np.minimum(_STEP * 2.0 ** (turn % 8), share * (ends[gaps] - starts[gaps])))
