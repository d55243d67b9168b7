"""A chain network given as weights, in float64 or in `fractions`: one algorithm, two number systems."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import isqrt
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from gnref.errors import UserError
from gnref.exact_modules import Abs

Array = NDArray[Any]
"""float64, or object arrays of `Fraction`: NumPy's operators serve both."""

_BITS = 128


@dataclass(frozen=True, eq=False)
class Chain:
    """f(x) = W_K φ(… φ(W₁ x + b₁) …) + b_K with φ(z) = z where z > 0 and slope·z elsewhere: a scalar-valued chain.

    slope 0 is ReLU, 2^-s LeakyReLU, -1 the absolute value. Weights are (out, in) and biases (out,), all float64 or all
    object arrays of `Fraction`; the last layer has one row. Raises UserError when the shapes do not chain.
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]
    slope: float | Fraction = 0.0

    def __post_init__(self) -> None:
        widths = [w.shape for w in self.weights]
        chained = all(a[0] == b[1] for a, b in pairwise(widths))
        biased = [b.shape for b in self.biases] == [(w[0],) for w in widths]
        if not widths or not chained or not biased or widths[-1][0] != 1:
            raise UserError(
                f"Chain: expected weights (out, in) that chain into one output, each with a bias (out,), "
                f"got weights {widths} and biases {[b.shape for b in self.biases]}"
            )

    @classmethod
    def of(cls, layers: Sequence[tuple[ArrayLike, ArrayLike]], slope: float | Fraction = 0.0) -> "Chain":
        """The float64 chain of (weight, bias) pairs."""
        weights = tuple(np.atleast_2d(np.asarray(w, dtype=np.float64)) for w, _ in layers)
        return cls(weights, tuple(np.atleast_1d(np.asarray(b, dtype=np.float64)) for _, b in layers), float(slope))

    @classmethod
    def from_module(cls, module: nn.Module) -> "Chain":
        """The float64 chain a PyTorch module computes: Linear layers with one kind of ReLU, LeakyReLU or `Abs` between.

        Looks through containers in the order of registration and compares the two on random points, so that a module
        whose forward does something else is refused. Raises UserError.
        """
        chain = cls.of(*_read_layers(module))
        parameter = next(module.parameters())
        x = torch.randn(8, chain.dimension, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        with torch.no_grad():
            came = module(x.to(parameter)).reshape(-1).double().cpu().numpy()
        magnitude = chain.magnitude(x.numpy())
        depth_roundings = sum(w.shape[1] + 2 for w in chain.weights) * torch.finfo(parameter.dtype).eps
        if not np.all(np.abs(came - chain(x.numpy())) <= 2 * depth_roundings * magnitude):
            raise UserError(
                f"Chain: {type(module).__name__} is not the plain chain of its Linear layers and activations; "
                "use Walk, which takes any module"
            )
        return chain

    @property
    def dimension(self) -> int:
        """How many inputs the network has."""
        return int(self.weights[0].shape[1])

    @property
    def is_exact(self) -> bool:
        """Whether the numbers are `fractions`."""
        return self.weights[0].dtype == object

    def exact(self) -> "Chain":
        """The same network in rational arithmetic; nothing is rounded, since a finite float is a dyadic rational."""
        return Chain(
            tuple(to_fractions(w) for w in self.weights),
            tuple(to_fractions(b) for b in self.biases),
            Fraction(self.slope),
        )

    def activate(self, z: Array) -> Array:
        """φ(z), elementwise."""
        return np.where(z > 0, z, self.slope * z)

    def preactivations(self, x: Array) -> list[Array]:
        """z_k (P, width_k) of every layer at points x (P, n); the last one is f (P, 1)."""
        layers, h = [], x
        for weight, bias in zip(self.weights, self.biases, strict=True):
            layers.append(h @ weight.T + bias)
            h = self.activate(layers[-1])
        return layers

    def __call__(self, x: Array) -> Array:
        """f (P,) at points x (P, n)."""
        return self.preactivations(x)[-1][:, 0]

    def gradients(self, patterns: Sequence[Array]) -> Array:
        """∇f (P, n) in the regions of the patterns: for each hidden layer a (P, width) array of z > 0."""
        v = np.repeat(self.weights[-1], len(patterns[0]) if patterns else 1, axis=0)
        for pattern, weight in zip(reversed(patterns), reversed(self.weights[:-1]), strict=True):
            v = np.where(pattern, v, self.slope * v) @ weight
        return v

    def magnitude(self, x: Array) -> Array:
        """|W_K| max(1, |slope|) (… |W₁| |x| + |b₁| …) + |b_K| (P,): what the rounding error of f is relative to."""
        h, gain = np.abs(x), max(1.0, abs(float(self.slope)))
        for weight, bias in zip(self.weights, self.biases, strict=True):
            h = (h @ np.abs(weight).T + np.abs(bias)) * gain
        return np.asarray(h[:, 0])


def to_fractions(values: ArrayLike) -> Array:
    """The same finite numbers as an object array of `Fraction`; an array of Fractions comes back as it is."""
    array = np.asarray(values)
    if array.dtype != object:
        array = array.astype(np.float64)
    return np.asarray(np.frompyfunc(Fraction, 1, 1)(array), dtype=object)


def square_root(values: Array) -> Array:
    """√v elementwise; of Fractions, rounded down by less than 2^-128 of it, and exact on squares of rationals."""
    if values.dtype != object:
        return np.asarray(np.sqrt(values))
    return np.asarray(np.frompyfunc(_root, 1, 1)(values), dtype=object)


def _root(value: Fraction) -> Fraction:
    # √(n/d) = √(n·d)/d, and n·d >= 1 for a positive value in lowest terms.
    n, d = value.numerator, value.denominator
    return Fraction(isqrt((n * d) << (2 * _BITS)), d << _BITS)


def _read_layers(module: nn.Module) -> tuple[list[tuple[ArrayLike, ArrayLike]], float]:
    layers: list[tuple[ArrayLike, ArrayLike]] = []
    slopes: list[float] = []
    for name, part in module.named_modules():
        if isinstance(part, nn.Linear):
            weight = part.weight.detach().double().cpu().numpy()
            bias = np.zeros(len(weight)) if part.bias is None else part.bias.detach().double().cpu().numpy()
            layers.append((weight, bias))
        elif isinstance(part, nn.ReLU):
            slopes.append(0.0)
        elif isinstance(part, nn.LeakyReLU):
            slopes.append(part.negative_slope)
        elif isinstance(part, Abs):
            slopes.append(-1.0)
        elif not isinstance(part, nn.Flatten | nn.Identity | nn.Sequential) and not list(part.children()):
            raise UserError(
                f"Chain: expected Linear, ReLU and LeakyReLU, got {type(part).__name__} as {name!r}; use Walk"
            )
    if not layers or len(set(slopes)) > 1:
        raise UserError(
            f"Chain: expected Linear layers and activations of one slope, got {len(layers)} and {set(slopes)}"
        )
    return layers, slopes[0] if slopes else 0.0
