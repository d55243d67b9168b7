"""A golden vector: a network with its inputs, and what gradient normalization makes of it, each number rounded once.

With N = g + |f|, the gradients of L = Σ l_i f̂_i in x and in a parameter θ are those of

    Σ_i [α_i f_i + β_i ⟨∇ₓf_i, v_i⟩],   α = l g/N², β = -l f/(g N²),

with v_i = ∇ₓf_i held fixed. They are computed in fractions, √ to 200 bits, and rounded to the nearest float64. They
share no code with the package's own normalization.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnref.exact import Array, normalized, square_root
from gnref.vectors.network import Network, Numbers, numbers
from gnref.vectors.tape import gradient, total

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Vector:
    """A network with its inputs, and the expected outputs; arrays in float64, all exact in float32 but the expected."""

    id: str
    level: str
    """"required", or "robustness" where the literal formula may fail."""
    flags: tuple[str, ...]
    network: Network
    x: Array
    """(N, n), or (N, C, H, W) where the first layer is a convolution."""
    labels: Labels | None
    cotangents: Array
    """l (N,) of the loss Σ l_i f̂_i."""
    score: Array
    squared_norm: tuple[Fraction, ...]
    """‖∇ₓf‖² (N,), exact."""
    expected: dict[str, Array]
    """normalized (N,), gradient_norm (N,), gradient.x in the shape of x, and gradient.NAME for every parameter."""
    largest: dict[str, Array]
    """For every expected entry, the sum of the sizes of its terms: what its rounding errors are relative to."""
    roundings: int
    """m: an implementation with the unit roundoff U may be off by m U `largest`."""


def make(
    name: str,
    network: Network,
    x: Array,
    flags: tuple[str, ...] = (),
    labels: Labels | None = None,
    robustness: bool = False,
) -> Vector:
    """The vector of a network at the points x, under labels (N,) if it is conditional.

    At `robustness` vectors the network is affine and x = 0, so that no output has more than one term.
    """
    weights = np.resize(np.array([1.0, -2.0, 3.0, -1.0, 2.0]), len(x))
    rows = [None] * len(x) if labels is None else labels.tolist()
    samples = [_Sample(network, *sample) for sample in zip(x, rows, weights.tolist(), strict=True)]
    expected = {name: _rounded(value) for name, value in _summed([s.gradients() for s in samples]).items()}
    largest = {name: _rounded(value) for name, value in _summed([s.sizes() for s in samples]).items()}
    expected["normalized"] = _rounded([normalized(s.score, s.squared_norm) for s in samples])
    expected["gradient_norm"] = _rounded([s.norm for s in samples])
    largest |= {key: np.abs(value) for key, value in expected.items() if robustness or key not in largest}
    return Vector(
        name,
        "robustness" if robustness else "required",
        flags,
        network,
        x,
        labels,
        weights,
        _rounded([s.score for s in samples]),
        tuple(s.squared_norm for s in samples),
        expected,
        largest,
        # n/2 + 16 for the coefficients, four sums over each layer's units and over n, and the sum over the batch.
        4 * network.units(x.shape[1:]) + (x[0].size + 1) // 2 + 16 + len(x),
    )


class _Sample:
    """One sample: f, ∇ₓf, g, and the gradients of l f̂ in its x and in every parameter."""

    def __init__(self, network: Network, x: Array, label: int | None, weight: float) -> None:
        self.network, self.x, self.label, self.weight = network, x, label, Fraction(weight)
        self.score, first = _differentiated(network, x, 0 * x, label, Fraction(1), Fraction(0))
        self.slope = first["gradient.x"]
        self.squared_norm = sum((Fraction(v) ** 2 for v in self.slope.ravel()), Fraction(0))
        self.norm = square_root(self.squared_norm)
        self.total = self.norm + abs(self.score)
        # Where g = 0, f̂ is ±1 or, by convention, 0: constant.
        live = bool(self.norm)
        self.alpha = self.weight * self.norm / self.total**2 if live else Fraction(0)
        self.beta = -self.weight * self.score / (self.norm * self.total**2) if live else Fraction(0)

    def gradients(self) -> dict[str, NDArray[np.object_]]:
        """The exact gradients, in fractions."""
        return _differentiated(self.network, self.x, self.slope, self.label, self.alpha, self.beta)[1]

    def sizes(self) -> dict[str, NDArray[np.object_]]:
        """The same with every term positive; ∂f̂/∂f counts as 1/N, for 1/N - |f|/N² is what a tape forms."""
        first = abs(self.weight) / self.total if self.total else Fraction(0)
        absolute, x, v = self.network.absolute(), abs(self.x), abs(self.slope)
        return _differentiated(absolute, x, v, self.label, first, abs(self.beta))[1]


def _differentiated(
    network: Network, x: Array, v: NDArray[Any], label: int | None, alpha: Fraction, beta: Fraction
) -> tuple[Fraction, dict[str, NDArray[np.object_]]]:
    """f, and the gradient of α f + β⟨∇ₓf, v⟩ in x and in every parameter."""
    inputs = {name: numbers(value) for name, value in network.parameters.items()} | {"x": numbers(x)}
    f, along = network.score(inputs, inputs["x"], numbers(v), label)
    found = gradient(total([(alpha, f), (beta, along)]))

    def slopes(entries: Numbers) -> NDArray[np.object_]:
        flat = np.empty(entries.size, dtype=object)
        flat[:] = [found.get(id(entry), Fraction(0)) for entry in entries.flat]
        return flat.reshape(entries.shape)

    return f.value, {f"gradient.{name}": slopes(entries) for name, entries in inputs.items()}


def _summed(found: Sequence[dict[str, NDArray[np.object_]]]) -> dict[str, NDArray[np.object_]]:
    """Parameters' gradients summed over the samples, x's stacked."""
    return {name: (np.stack if name == "gradient.x" else _sum)([f[name] for f in found]) for name in found[0]}


def _sum(values: Sequence[NDArray[np.object_]]) -> NDArray[np.object_]:
    found: NDArray[np.object_] = np.add.reduce(np.stack(values))
    return found


def _rounded(values: Sequence[Fraction] | NDArray[np.object_]) -> Array:
    """To the nearest float64."""
    exact = np.asarray(values, dtype=object)
    return np.array([float(value) for value in exact.ravel()], dtype=np.float64).reshape(exact.shape)
