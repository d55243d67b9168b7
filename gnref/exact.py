"""Piecewise-linear networks whose scores and gradients are known exactly: the oracle the laws are judged by.

f(x) = w·h_L + b,  h_k = φ(W_k h_{k-1} + b_k),  h_0 = x,  φ(z) = z for z > 0 and s·z otherwise,

with small integer weights and dyadic biases and slopes, so that every sum and product is exact in float64, and in
float32 while `significand_bits` is at most 24. The slope s names the activation: 0 is ReLU, 2^-k is LeakyReLU, -1 is
the absolute value.

`off_kinks` gives layer k odd multiples of 2^-(k + σ(k-1)) for biases, slope 2^-σ. At integer points every
pre-activation of layer k then is an odd multiple of the same number: no kink is hit and f is never 0, by construction.

NumPy (`evaluate`, `pullback`), `fractions` (`exactly`) and PyTorch (`to_torch`) share no code.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch
    from torch import nn

    from gnref.exact_modules import Projection

Array = NDArray[np.float64]
Neuron = tuple[tuple[float, ...], float]
"""One unit, as (row of weights, bias), so that it can be dropped whole."""
Layer = tuple[Neuron, ...]
Pattern = tuple[tuple[bool, ...], ...]
"""Which units are on (z > 0), layer by layer: the name of a linear region."""


class Evaluation(NamedTuple):
    """Scores f (N,), input gradients v = ∇ₓf (N, n) and g² = ‖v‖² (N,), in float64 and exact."""

    score: Array
    gradient: Array
    squared_norm: Array


class ExactValue(NamedTuple):
    """f, v = ∇ₓf and g² = ‖v‖² at one point, as fractions, and the activation pattern there."""

    score: Fraction
    gradient: tuple[Fraction, ...]
    squared_norm: Fraction
    pattern: Pattern


@dataclass(frozen=True)
class ExactNetwork:
    """f: R^n → R, a fully connected network of exact numbers; its repr is a constructor call that pastes.

    `layers` are the hidden layers, `head` the last neuron, `slope` the activation's slope on the negative side.
    At a kink (z = 0) the gradient is that of the side z < 0.
    """

    layers: tuple[Layer, ...]
    head: Neuron
    slope: float = 0.0

    def __post_init__(self) -> None:
        """Refuse rows whose width is not the width of the layer below."""
        width = self.dimension
        for depth, layer in enumerate((*self.layers, (self.head,)), start=1):
            if any(len(row) != width for row, _ in layer):
                raise ValueError(f"ExactNetwork: every row of layer {depth} needs {width} weights, got {layer}")
            width = len(layer)

    @property
    def dimension(self) -> int:
        """The number n of inputs."""
        first = self.layers[0][0] if self.layers else self.head
        return len(first[0])

    def matrices(self) -> list[tuple[Array, Array]]:
        """(W, b) of every layer, the head last, in float64: shapes (out, in) and (out,)."""
        return [
            (
                np.array([row for row, _ in layer], dtype=np.float64),
                np.array([bias for _, bias in layer], dtype=np.float64),
            )
            for layer in (*self.layers, (self.head,))
        ]

    def pre_activations(self, points: Array) -> list[Array]:
        """z of every hidden layer at `points` (N, n): a list of arrays (N, width)."""
        hidden, found = np.asarray(points, dtype=np.float64), []
        for weight, bias in self.matrices()[:-1]:
            z = hidden @ weight.T + bias
            found.append(z)
            hidden = np.where(z > 0, z, self.slope * z)
        return found

    def evaluate(self, points: Array) -> Evaluation:
        """f, ∇ₓf and ‖∇ₓf‖² at `points` (N, n), by NumPy in float64."""
        slopes = [np.where(z > 0, 1.0, self.slope) for z in self.pre_activations(points)]
        *hidden_layers, (row, bias) = self.matrices()
        hidden = np.asarray(points, dtype=np.float64)
        for (weight, offset), slope in zip(hidden_layers, slopes, strict=True):
            hidden = (hidden @ weight.T + offset) * slope
        gradient = np.broadcast_to(row, (len(hidden), row.shape[1]))
        for (weight, _), slope in zip(reversed(hidden_layers), reversed(slopes), strict=True):
            gradient = (gradient * slope) @ weight
        return Evaluation((hidden @ row.T + bias)[:, 0], gradient.copy(), (gradient**2).sum(axis=1))

    def pullback(self, points: Array, alpha: Array, directions: Array) -> list[Array]:
        """∇_θ Σ_i [α_i f(x_i) + ⟨∇ₓf(x_i), w_i⟩] for points x (N, n), α (N,) and constant directions w (N, n).

        In the order of the torch parameters: weight and bias of every layer. With δ the adjoint of a layer's
        pre-activation and ḣ the tangent of its input along w, the weight's gradient is Σ_i δ_i ⊗ (α_i h_i + ḣ_i).
        """
        slopes = [np.where(z > 0, 1.0, self.slope) for z in self.pre_activations(points)]
        layers = self.matrices()
        inputs, tangents = [np.asarray(points, dtype=np.float64)], [np.asarray(directions, dtype=np.float64)]
        for (weight, bias), slope in zip(layers[:-1], slopes, strict=True):
            inputs.append((inputs[-1] @ weight.T + bias) * slope)
            tangents.append((tangents[-1] @ weight.T) * slope)
        adjoint, gradients = np.ones((len(inputs[0]), 1)), []
        for depth in reversed(range(len(layers))):
            gradients += [alpha @ adjoint, adjoint.T @ (alpha[:, None] * inputs[depth] + tangents[depth])]
            if depth:
                adjoint = (adjoint @ layers[depth][0]) * slopes[depth - 1]
        return gradients[::-1]

    def exactly(self, point: Sequence[Fraction | float], pattern: Pattern | None = None) -> ExactValue:
        """f, ∇ₓf and ‖∇ₓf‖² at one point, by `fractions`; with a `pattern`, of the affine piece it names."""
        slope, hidden = Fraction(self.slope), [Fraction(c) for c in point]
        jacobian = [[Fraction(int(i == j)) for j in range(len(hidden))] for i in range(len(hidden))]
        found: list[tuple[bool, ...]] = []
        for depth, layer in enumerate((*self.layers, (self.head,))):
            z = [sum((Fraction(w) * h for w, h in zip(row, hidden, strict=True)), Fraction(b)) for row, b in layer]
            rows = [
                [
                    sum((Fraction(w) * d for w, d in zip(row, column, strict=True)), Fraction(0))
                    for column in zip(*jacobian, strict=True)
                ]
                for row, _ in layer
            ]
            if depth == len(self.layers):
                gradient = tuple(rows[0])
                return ExactValue(z[0], gradient, sum((c * c for c in gradient), Fraction(0)), tuple(found))
            on = tuple(value > 0 for value in z) if pattern is None else pattern[depth]
            found.append(on)
            hidden = [value if is_on else slope * value for value, is_on in zip(z, on, strict=True)]
            jacobian = [row if is_on else [slope * c for c in row] for row, is_on in zip(rows, on, strict=True)]
        raise AssertionError("unreachable: the head returns")

    def scaled(self, factor: float) -> "ExactNetwork":
        """The network c·f."""
        row, bias = self.head
        return replace(self, head=(tuple(factor * w for w in row), factor * bias))

    def absolute(self) -> "ExactNetwork":
        """The network of |W|, |b| and the identity: it bounds every intermediate number of f, v and their gradients."""
        layers = tuple(tuple((tuple(abs(w) for w in row), abs(b)) for row, b in layer) for layer in self.layers)
        return ExactNetwork(layers, (tuple(abs(w) for w in self.head[0]), abs(self.head[1])), slope=1.0)

    def significand_bits(self, radius: float, input_exponent: int = 0) -> int:
        """Bits that hold every number of f and ∇ₓf at points |x_i| ≤ radius that are multiples of 2^-input_exponent.

        Partial sums included: each is at most the sum of absolute values, and a multiple of its layer's unit 2^-e.
        """
        layers, halvings = self.absolute().matrices(), _dyadic_exponent(self.slope)
        units = [max(_dyadic_exponent(w) for w in weight.flat) for weight, _ in layers]
        hidden, exponent = np.full(self.dimension, radius), input_exponent
        needed = [_bits(radius, exponent)]
        for (weight, bias), unit in zip(layers, units, strict=True):
            hidden = weight @ hidden + bias
            exponent = max(exponent + unit, *(_dyadic_exponent(b) for b in bias)) + halvings
            needed.append(_bits(hidden.max(), exponent))
        adjoint, exponent = np.ones(1), 0
        for (weight, _), unit in zip(reversed(layers), reversed(units), strict=True):
            adjoint, exponent = adjoint @ weight, exponent + unit + halvings
            needed.append(_bits(adjoint.max(), exponent))
        return max(needed)

    def to_torch(self, dtype: "torch.dtype | None" = None, device: "torch.device | str" = "cpu") -> "nn.Sequential":
        """The same network as an nn.Module, x (N, n) → (N, 1), in `dtype` (None is float64).

        Raises: ValueError where a weight is not exact in `dtype`.
        """
        # Here and not above: claims are read and worked through without PyTorch.
        from gnref.exact_modules import network

        return network(self.matrices(), self.slope, dtype, device)


@dataclass(frozen=True)
class ExactConditional:
    """D_y(x) = f(x) + ⟨e_y, h_L(x)⟩, an exact network with an integer embedding, one row a label. [GN, Eq. 16]"""

    network: ExactNetwork
    embedding: tuple[tuple[float, ...], ...]

    def at(self, label: int) -> ExactNetwork:
        """D_y for one fixed label y: the same network whose last row is w + e_y."""
        row, bias = self.network.head
        return replace(self.network, head=(tuple(w + e for w, e in zip(row, self.embedding[label], strict=True)), bias))

    def absolute(self) -> "ExactConditional":
        """The network of absolute values, its embedding's included."""
        return ExactConditional(self.network.absolute(), tuple(tuple(abs(e) for e in row) for row in self.embedding))

    def to_torch(self, dtype: "torch.dtype | None" = None, device: "torch.device | str" = "cpu") -> "Projection":
        """The same function as an nn.Module, (x (N, n), y (N,) int64) → (N, 1), in `dtype` (None is float64)."""
        from gnref.exact_modules import Projection

        return Projection(self.network.to_torch(dtype, device), self.embedding)


def off_kinks(
    layers: Sequence[Sequence[tuple[Sequence[int], int]]], head: tuple[Sequence[int], int], slope: float = 0.0
) -> ExactNetwork:
    """The network that no integer point puts on a kink, from neurons (integer row, odd number): the module says why."""
    halvings = _dyadic_exponent(slope)
    built: list[Layer] = []
    for depth, layer in enumerate((*layers, (head,)), start=1):
        unit = 2.0 ** -(depth + halvings * (depth - 1))
        for row, odd in layer:
            if odd % 2 != 1 or any(w != int(w) for w in row):
                raise ValueError(f"off_kinks: a neuron is (integers, odd number), got {(row, odd)} in layer {depth}")
        built.append(tuple((tuple(row), odd * unit) for row, odd in layer))
    return ExactNetwork(tuple(built[:-1]), built[-1][0], slope)


def square_root(value: Fraction, bits: int = 200) -> Fraction:
    """The largest multiple of 2^-bits that is at most √value."""
    return Fraction(math.isqrt((value.numerator << 2 * bits) // value.denominator), 1 << bits)


def normalized(score: Fraction, squared_norm: Fraction, zeta: str = "abs") -> Fraction:
    """f / (g + ζ) from f and g², exact where g is a multiple of 2^-200, else within about 2^-190. [GN, Eq. 11]

    ζ is |f| ("abs", GN), 1 ("one", GN_1), 0 ("zero", GN_0) or ε/g with ε = 1/10 ("gran", GraN); 0/0 is 0.
    """
    norm = square_root(squared_norm)
    if zeta == "gran":
        return score * norm / (squared_norm + Fraction(1, 10))
    total = norm + {"abs": abs(score), "one": Fraction(1), "zero": Fraction(0)}[zeta]
    return score / total if total else Fraction(0)


def _dyadic_exponent(value: float) -> int:
    return float(value).as_integer_ratio()[1].bit_length() - 1


def _bits(bound: float, exponent: int) -> int:
    return math.ceil(math.log2(max(1.0, bound) * 2.0**exponent + 1))
