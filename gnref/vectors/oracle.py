"""A golden vector: a network with its inputs, and what gradient normalization makes of it, each number rounded once.

f and ∇ₓf are exact. f̂ = f/(g + |f|), and the gradients of L = Σ l_i f̂_i,

    ∂L/∂x_i = α_i ∇ₓf_i,   ∂L/∂θ = Σ_i [α_i ∇_θ f_i + β_i ∇_θ⟨∇ₓf_i, v_i⟩],   α = l g/N², β = -l f/(g N²),

with v_i = ∇ₓf_i held fixed, are computed in fractions, √ to 200 bits, and rounded to the nearest float64. They share no
code with the package's own normalization.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from gnref.exact import Array, ExactConditional, ExactNetwork, ExactValue, normalized, square_root

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Vector:
    """A network with its inputs, and the expected outputs; arrays in float64, all exact in float32 but the expected."""

    id: str
    level: str
    """"required", or "robustness" where the literal formula may fail."""
    flags: tuple[str, ...]
    slope: float
    """The activation's slope on the negative side: 0 is ReLU, -1 the absolute value."""
    parameters: dict[str, Array]
    """weight.0 (out, in), bias.0 (out,), and so on, the head last; embedding (labels, width) if it is conditional."""
    x: Array
    labels: NDArray[np.int64] | None
    cotangents: Array
    """l (N,) of the loss Σ l_i f̂_i."""
    score: Array
    squared_norm: tuple[Fraction, ...]
    """‖∇ₓf‖² (N,), exact."""
    expected: dict[str, Array]
    """normalized (N,), gradient_norm (N,), gradient.x (N, n), and gradient.NAME for every parameter."""
    largest: dict[str, Array]
    """For every expected entry, the sum of the sizes of its terms: what its rounding errors are relative to."""
    roundings: int
    """m: an implementation with the unit roundoff U may be off by m U `largest`."""


def make(
    name: str,
    network: ExactNetwork | ExactConditional,
    x: Array,
    flags: tuple[str, ...],
    labels: Labels | None = None,
    robustness: bool = False,
) -> Vector:
    """The vector of a network at the points x (N, n), under labels (N,) if it is conditional.

    At `robustness` vectors the network is affine and x = 0, so that no output has more than one term.
    """
    plain = network.network if isinstance(network, ExactConditional) else network
    parameters = {
        f"{kind}.{depth}": value
        for depth, pair in enumerate(plain.matrices())
        for kind, value in zip(("weight", "bias"), pair, strict=True)
    }
    pieces = [plain] * len(x)
    if isinstance(network, ExactConditional):
        assert labels is not None
        parameters["embedding"] = np.array(network.embedding)
        pieces = [network.at(int(label)) for label in labels]
    weights = np.resize(np.array([1.0, -2.0, 3.0, -1.0, 2.0]), len(x))
    samples = [_Sample.of(*sample) for sample in zip(pieces, x, weights.tolist(), strict=True)]
    expected, largest = _gradients(samples, labels, parameters)
    expected["normalized"] = _rounded([normalized(s.exact.score, s.exact.squared_norm) for s in samples])
    expected["gradient_norm"] = _rounded([s.norm for s in samples])
    largest |= {key: np.abs(value) for key, value in expected.items() if robustness or key not in largest}
    widths = sum(len(layer) for layer in plain.layers) + 1 + x.shape[1]
    return Vector(
        name,
        "robustness" if robustness else "required",
        flags,
        plain.slope,
        parameters,
        x,
        labels,
        weights,
        _rounded([s.exact.score for s in samples]),
        tuple(s.exact.squared_norm for s in samples),
        expected,
        largest,
        # n/2 + 16 for the coefficients, four sums over each layer's width and over n, and the sum over the batch.
        4 * widths + (x.shape[1] + 1) // 2 + 16 + len(x),
    )


@dataclass(frozen=True)
class _Sample:
    network: ExactNetwork
    point: Array
    exact: ExactValue
    norm: Fraction
    weight: float
    alpha: Fraction
    beta: Fraction

    @classmethod
    def of(cls, network: ExactNetwork, point: Array, weight: float) -> "_Sample":
        exact = network.exactly(point.tolist())
        norm = square_root(exact.squared_norm)
        total = norm + abs(exact.score)
        # Where g = 0, f̂ is ±1 or, by convention, 0: constant.
        alpha = Fraction(weight) * norm / total**2 if norm else Fraction(0)
        beta = -Fraction(weight) * exact.score / (norm * total**2) if norm else Fraction(0)
        return cls(network, point, exact, norm, weight, alpha, beta)

    def pullbacks(self) -> tuple[list[Array], list[Array], list[Array]]:
        """∇_θ f and ∇_θ⟨∇ₓf, v⟩, exact, and the size of all terms of their sum, per parameter of the network."""
        x, v, nothing = self.point[None], np.array([[float(c) for c in self.exact.gradient]]), 0 * self.point[None]
        one, zero = np.ones(1), np.zeros(1)
        total = self.norm + abs(self.exact.score)
        # ∂f̂/∂f counts as 1/N, for f/(g + |f|) differentiated as it stands forms 1/N - |f|/N².
        first = np.array([abs(self.weight) / float(total) if total else 0.0])
        sizes = self.network.absolute().pullback(np.abs(x), first, abs(float(self.beta)) * np.abs(v))
        return self.network.pullback(x, one, nothing), self.network.pullback(x, zero, v), sizes


def _gradients(
    samples: Sequence[_Sample], labels: Labels | None, parameters: dict[str, Array]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """The gradient of L in x and in every parameter, rounded once, and the sizes of all their terms."""
    sums = {name: np.full(value.shape, Fraction(0)) for name, value in parameters.items()}
    sizes = {name: np.zeros(value.shape) for name, value in parameters.items()}
    head = f"weight.{(len(parameters) - ('embedding' in parameters)) // 2 - 1}"
    for i, sample in enumerate(samples):
        for name, first, second, size in zip(sums, *sample.pullbacks(), strict=False):
            exact = sample.alpha * _fractions(first) + sample.beta * _fractions(second)
            sums[name] = sums[name] + exact
            sizes[name] += size
            if labels is not None and name == head:
                # e_y is added to the head's row, and so has its gradient.
                sums["embedding"][labels[i]] += exact[0]
                sizes["embedding"][labels[i]] += size[0]
    expected = {f"gradient.{name}": _rounded(total) for name, total in sums.items()}
    largest = {f"gradient.{name}": size for name, size in sizes.items()}
    expected["gradient.x"] = np.stack([_rounded([s.alpha * c for c in s.exact.gradient]) for s in samples])
    rows = [s.network.absolute().evaluate(np.abs(s.point[None])).gradient[0] for s in samples]
    totals = [float(s.norm + abs(s.exact.score)) for s in samples]
    largest["gradient.x"] = np.stack(
        [abs(s.weight) / total * row if total else 0 * row for s, row, total in zip(samples, rows, totals, strict=True)]
    )
    return expected, largest


def _fractions(values: Array) -> NDArray[np.object_]:
    found = np.array([Fraction(value) for value in values.ravel().tolist()], dtype=object)
    return found.reshape(values.shape)


def _rounded(values: Sequence[Fraction] | NDArray[np.object_]) -> Array:
    """To the nearest float64."""
    exact = np.asarray(values, dtype=object)
    return np.array([float(value) for value in exact.ravel()], dtype=np.float64).reshape(exact.shape)
