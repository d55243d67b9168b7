"""Every linear piece of a chain network along a segment, with what gradient normalization makes of it."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gnref.certificates.chain import Array, Chain, square_root, to_fractions
from gnref.certificates.checker import Claim, check_segment
from gnref.certificates.pieces import Pieces
from gnref.errors import UserError

_RESOLUTION = 2.0**-46
"""In float64, kinks closer than this in t cannot be told apart: their order is rounding."""


@dataclass(frozen=True)
class Witness:
    """Where a number was found: its value, t in [0, 1], the point x(t), and each hidden layer's activation pattern."""

    value: float | Fraction
    t: float | Fraction
    point: tuple[float | Fraction, ...]
    pattern: tuple[tuple[bool, ...], ...]


@dataclass(frozen=True, eq=False)
class Segment(Pieces):
    """f along x(t) = p + t (q - p), t in [0, 1]: K pieces on which f is affine, between K + 1 breakpoints.

    In the arithmetic of the network: float64 (breakpoints within rounding), or `fractions` (everything exact; a norm
    ‖∇f‖ is a square root, rounded down by less than 2^-128 of it). A piece on which a pre-activation is zero throughout
    lies in a kink, where no gradient exists: `in_kink` says so, and the gradient given is the one of that unit off.

    t (K + 1,), values f (K + 1,), slopes df/dt (K,), norms_squared ‖∇f‖² (K,), patterns (K, width) per hidden layer.
    """

    network: Chain
    p: Array
    q: Array
    t: Array
    values: Array
    slopes: Array
    norms_squared: Array
    patterns: tuple[Array, ...]
    in_kink: Array

    @classmethod
    def of(cls, network: Chain, p: ArrayLike, q: ArrayLike) -> "Segment":
        """Cut the segment from p to q, each of the network's dimension. Raises UserError for other shapes or p = q."""
        p, q = (to_fractions(x) if network.is_exact else np.asarray(x, dtype=np.float64) for x in (p, q))
        if p.shape != (network.dimension,) or q.shape != p.shape or np.all(p == q):
            raise UserError(
                f"Segment: expected two different points of shape ({network.dimension},), got {p.shape} and {q.shape}"
            )
        t = _breakpoints(network, p, q)
        layers = network.preactivations(_points(p, q, (t[:-1] + t[1:]) / 2))
        patterns = tuple(z > 0 for z in layers[:-1])
        v = np.broadcast_to(network.gradients(patterns), (len(t) - 1, network.dimension))
        in_kink = np.zeros(len(t) - 1, dtype=bool)
        for z in layers[:-1]:
            in_kink |= (z == 0).any(axis=1)
        return cls(network, p, q, t, network(_points(p, q, t)), v @ (q - p), (v * v).sum(axis=1), patterns, in_kink)

    @property
    def start(self) -> Array:
        """t (K,) where each piece begins."""
        return self.t[:-1]

    @property
    def end(self) -> Array:
        """t (K,) where each piece ends."""
        return self.t[1:]

    @property
    def f_start(self) -> Array:
        """f (K,) where each piece begins."""
        return self.values[:-1]

    @property
    def f_end(self) -> Array:
        """f (K,) where each piece ends."""
        return self.values[1:]

    @property
    def norms(self) -> Array:
        """‖∇f‖ (K,) of each piece."""
        return square_root(self.norms_squared)

    @property
    def length(self) -> Any:
        """‖q - p‖, a float or a `Fraction`."""
        d = self.q - self.p
        return square_root(np.asarray((d * d).sum()).reshape(1))[0]

    def residual(self) -> Any:
        """|Σ slope_i Δt_i - (f(q) - f(p))|, the check on itself: 0 in fractions, a few roundings in float64."""
        return abs((self.slopes * np.diff(self.t)).sum() - (self.values[-1] - self.values[0]))

    def claim(self) -> Claim:
        """What the certificate says, in lists: what `checker` is given."""
        jump = self.largest_jump()
        return Claim(
            t=self.t.tolist(),
            values=self.values.tolist(),
            slopes=self.slopes.tolist(),
            norms_squared=self.norms_squared.tolist(),
            patterns=[[layer[i].tolist() for layer in self.patterns] for i in range(len(self.slopes))],
            lipschitz=self.lipschitz().value,
            largest_jump=jump.value if jump else 0,
        )

    def check(self) -> None:
        """Have everything checked again by `checker`, exactly.

        Raises:
            Refuted: the certificate is wrong, or a piece lies in a kink.
            UserError: it is one in float64, whose breakpoints are rounded: cut it from `network.exact()`.
        """
        if not self.network.is_exact:
            raise UserError(
                "Segment: only a certificate in fractions can be checked exactly; cut it from network.exact()"
            )
        layers = [(w.tolist(), b.tolist()) for w, b in zip(self.network.weights, self.network.biases, strict=True)]
        check_segment(layers, self.network.slope, self.p.tolist(), self.q.tolist(), self.claim())

    def lipschitz(self) -> Witness:
        """The largest slope of f̂ inside a piece, per unit of length, and the middle of that piece; never above 1.

        Across a kink f̂ may jump, so this bounds f̂ along the segment only together with `jumps`.
        """
        slopes = self.slopes_normalized()
        piece = int(np.argmax(slopes))
        return self._witness(slopes[piece], (self.t[piece] + self.t[piece + 1]) / 2, piece)

    def largest_jump(self) -> Witness | None:
        """The largest leap of f̂ across a kink, with the pattern before it; None where the segment has no kink."""
        jumps = self.jumps()
        if len(jumps) == 0:
            return None
        kink = int(np.argmax(jumps))
        return self._witness(jumps[kink], self.t[kink + 1], kink)

    def _witness(self, value: float | Fraction, t: float | Fraction, piece: int) -> Witness:
        pattern = tuple(tuple(bool(on) for on in layer[piece]) for layer in self.patterns)
        return Witness(value, t, tuple((self.p + t * (self.q - self.p)).tolist()), pattern)


def _points(p: Array, q: Array, t: Array) -> Array:
    # A weighted mean keeps the ends exact: x(0) is p and x(1) is q, bit for bit.
    return np.asarray((1 - t)[:, None] * p + t[:, None] * q)


def _breakpoints(network: Chain, p: Array, q: Array) -> Array:
    """Sorted t with 0 and 1: layer by layer, every sign change between neighbours adds its zero."""
    t = to_fractions([0, 1]) if network.is_exact else np.array([0.0, 1.0])
    h = np.stack([p, q])
    for weight, bias in zip(network.weights[:-1], network.biases[:-1], strict=True):
        z = h @ weight.T + bias
        piece, unit = np.nonzero(np.sign(z[:-1]) * np.sign(z[1:]) < 0)
        z0, z1 = z[piece, unit], z[piece + 1, unit]
        share = z0 / (z0 - z1)
        rows = z[piece] + share[:, None] * (z[piece + 1] - z[piece])
        rows[np.arange(len(unit)), unit] = 0
        t_new = t[piece] + share * (t[piece + 1] - t[piece])
        t, z = np.concatenate([t, t_new]), np.concatenate([z, rows])
        order = np.argsort(t, kind="stable")
        t, z = t[order], z[order]
        apart = np.concatenate([[True], np.diff(t) > 0])
        t, h = t[apart], network.activate(z[apart])
    return t if network.is_exact else _resolved(t)


def _resolved(t: Array) -> Array:
    kept = [0.0]
    for value in t[1:-1]:
        if value - kept[-1] > _RESOLUTION and 1.0 - value > _RESOLUTION:
            kept.append(float(value))
    return np.array([*kept, 1.0])
