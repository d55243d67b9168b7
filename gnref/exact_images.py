"""Convolutional networks of exact numbers, and a NumPy oracle of their scores and gradients.

f(x) = ⟨w + e_y, h⟩ + b, where h is what a chain of convolutions, activations, poolings and sums of branches makes of an
image x (N, C, H, W). With small integer weights and dyadic biases every sum of a forward pass and of a pass for ∇ₓf is
exact (`significand_bits`), whatever its order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gnref.exact import Array, Evaluation
from gnref.exact_parts import Activation, Branches, Convolution, Part, Pool, Total

__all__ = ["Activation", "Branches", "Convolution", "ImageNetwork", "Part", "Pool", "Total", "exponent"]


class Visit(NamedTuple):
    """A part at one pass: its input, what is frozen of it, and the visits inside its branches."""

    part: Part
    input: Array
    frozen: Any
    inside: tuple[tuple["Visit", ...], ...] = ()


@dataclass(frozen=True, eq=False)
class ImageNetwork:
    """f: images (N, C, H, W), with labels (N,) where there is an embedding, to scores (N,)."""

    parts: tuple[Part, ...]
    head: Array
    """w (F,), F the entries of h."""
    bias: float
    embedding: Array | None = None
    """e (L, F), one row a label."""

    def evaluate(self, x: Array, labels: Sequence[int] = ()) -> Evaluation:
        """f (N,), ∇ₓf in x's shape and ‖∇ₓf‖² (N,), exact."""
        visits, h = _forward(self.parts, x)
        rows = self._rows(h, labels)
        score = (rows * h).reshape(len(x), -1).sum(1) + self.bias
        gradient, _ = _adjoint(visits, rows)
        return Evaluation(score, gradient, (gradient**2).reshape(len(x), -1).sum(1))

    def pullback(
        self, x: Array, alpha: Array, directions: Array, labels: Sequence[int] = (), absolute: bool = False
    ) -> list[Array]:
        """∇_θ Σ_i [α_i f(x_i) + ⟨∇ₓf(x_i), w_i⟩] for α (N,) and constant directions w in x's shape.

        In the order of the torch parameters. With δ the adjoint of a convolution's output, h its input and ḣ the
        tangent of that along w, the weight's gradient is Σ_i δ_i ⊗ (α_i h_i + ḣ_i). `absolute` takes all numbers of the
        same linear piece as positive: a bound of every term of those sums.
        """
        visits, h = _forward(self.parts, x)
        rows = self._rows(h, labels, absolute)
        if absolute:
            alpha, directions = np.abs(alpha), np.abs(directions)
        values, h = _linear(visits, np.abs(x) if absolute else x, absolute, constants=True)
        tangents, along = _linear(visits, directions, absolute, constants=False)
        factor = alpha[:, None, None, None]
        _, gradients = _adjoint(visits, rows, alpha, list(_mixed(values, tangents, factor)), absolute)
        z = (factor * h + along).reshape(len(x), -1)
        found = [*gradients, z.sum(0)[None], np.array([alpha.sum()])]
        if self.embedding is not None:
            found.append(np.stack([z[np.array(labels) == label].sum(0) for label in range(len(self.embedding))]))
        return found

    def sizes(self, x: Array, labels: Sequence[int] = ()) -> Array:
        """Every entry of ∇ₓf with all its terms taken as positive: what a rounding of one of them is relative to."""
        visits, h = _forward(self.parts, x)
        return _adjoint(visits, self._rows(h, labels, absolute=True), absolute=True)[0]

    def roundings(self, x: Array) -> float:
        """The longest sums of a pass and of its transpose together, over all parts, and of a weight's gradient."""
        visits = list(_all(_forward(self.parts, x)[0]))
        simple = [visit for visit in visits if not isinstance(visit.part, Branches)]
        sums = sum(visit.part.fans() + 2 for visit in simple if not isinstance(visit.part, Branches))
        pixels = [v.input.shape[2] * v.input.shape[3] for v in simple if isinstance(v.part, (Convolution, Total))]
        return float(sums + 2 * len(visits) + self.head.size + len(x) * max(pixels, default=1))

    def significand_bits(self, x: Array, labels: Sequence[int] = ()) -> int:
        """Bits that hold every number and partial sum of f and ∇ₓf at these images."""
        visits, h = _forward(self.parts, x)
        rows = self._rows(h, labels)
        head = _bits(np.abs(rows * h).reshape(len(x), -1).sum(1) + abs(self.bias), rows, h, self.bias)
        return max(head, *_bits_of(visits, rows))

    def tied(self, x: Array) -> NDArray[np.bool_]:
        """Which images (N,) have two equal largest entries, not 0, in a square of which the largest is taken."""
        found = np.zeros(len(x), dtype=bool)
        for visit in _all(_forward(self.parts, x)[0]):
            if isinstance(visit.part, Pool) and visit.part.kind == "largest":
                squares = np.sort(visit.part.squares(visit.input), axis=-1)
                found |= ((squares[..., -1] == squares[..., -2]) & (squares[..., -1] != 0)).any(axis=(1, 2, 3))
        return found

    def _rows(self, h: Array, labels: Sequence[int], absolute: bool = False) -> Array:
        """w + e_y of every sample, in h's shape."""
        rows = np.broadcast_to(self.head, (len(h), self.head.size))
        terms = [rows] if self.embedding is None else [rows, self.embedding[list(labels)]]
        return np.asarray(sum(np.abs(term) if absolute else term for term in terms)).reshape(h.shape)


def _forward(parts: Sequence[Part], h: Array) -> tuple[list[Visit], Array]:
    visits = []
    for part in parts:
        if isinstance(part, Branches):
            found = [_forward(chain, h) for chain in part.chains]
            visits.append(Visit(part, h, None, tuple(tuple(inside) for inside, _ in found)))
            h = np.asarray(sum(end for _, end in found))
        else:
            visits.append(Visit(part, h, part.freeze(h)))
            h = part.apply(h, visits[-1].frozen)
    return visits, h


def _linear(visits: Sequence[Visit], h: Array, absolute: bool, constants: bool) -> tuple[list[Visit], Array]:
    """The affine piece of these visits, or without its constants the linear one, at h."""
    found = []
    for part, _, frozen, inside in visits:
        if isinstance(part, Branches):
            pairs = [_linear(chain, h, absolute, constants) for chain in inside]
            found.append(Visit(part, h, None, tuple(tuple(chain) for chain, _ in pairs)))
            h = np.asarray(sum(end for _, end in pairs))
        else:
            found.append(Visit(part, h, frozen))
            h = part.apply(h, frozen, absolute, constants)
    return found, h


def _mixed(values: Sequence[Visit], tangents: Sequence[Visit], alpha: Array) -> Iterator[Visit]:
    """αh + ḣ at the input of every part."""
    for value, tangent in zip(values, tangents, strict=True):
        inside = tuple(tuple(_mixed(a, b, alpha)) for a, b in zip(value.inside, tangent.inside, strict=True))
        yield Visit(value.part, alpha * value.input + tangent.input, None, inside)


def _adjoint(
    visits: Sequence[Visit],
    delta: Array,
    alpha: Array | None = None,
    mixed: Sequence[Visit] = (),
    absolute: bool = False,
) -> tuple[Array, list[Array]]:
    """The transposed linear piece at δ and, where α and αh + ḣ are given, the gradients of the weights in order."""
    gradients: list[Array] = []
    for k in reversed(range(len(visits))):
        part, h, frozen, inside = visits[k]
        if isinstance(part, Branches):
            given = mixed[k].inside if alpha is not None else [()] * len(inside)
            pairs = [_adjoint(v, delta, alpha, z, absolute) for v, z in zip(inside, given, strict=True)]
            gradients = [one for _, own in pairs for one in own] + gradients
            delta = np.asarray(sum(end for end, _ in pairs))
        else:
            if isinstance(part, Convolution) and alpha is not None:
                gradients = part.gradients(delta, mixed[k].input, alpha) + gradients
            delta = part.transpose(delta, frozen, h.shape, absolute)
    return delta, gradients


def _all(visits: Sequence[Visit]) -> Iterator[Visit]:
    for visit in visits:
        yield visit
        for chain in visit.inside:
            yield from _all(chain)


def _bits_of(visits: Sequence[Visit], delta: Array) -> list[int]:
    """Bits of every part's sums in the forward pass and in the transposed one."""
    needed: list[int] = []
    for part, h, frozen, inside in reversed(visits):
        if isinstance(part, Branches):
            needed += [bits for chain in inside for bits in _bits_of(chain, delta)]
            ends = [_adjoint(chain, delta)[0] for chain in inside]
            needed.append(_bits(np.asarray(sum(np.abs(end) for end in ends)), np.concatenate(ends)))
            delta = np.asarray(sum(ends))
            continue
        weight, bias = (part.weight, part.bias) if isinstance(part, Convolution) else (_share(frozen), 0.0)
        needed.append(_bits(part.apply(np.abs(h), frozen, absolute=True), h, weight, bias))
        needed.append(_bits(part.transpose(np.abs(delta), frozen, h.shape, absolute=True), delta, weight))
        delta = part.transpose(delta, frozen, h.shape)
    return needed


def _share(frozen: Any) -> Array:
    return np.asarray(frozen, dtype=np.float64)


def _bits(largest: Array, first: Any, second: Any = 1.0, constant: Any = 0.0) -> int:
    """Bits of sums up to `largest` of products of an entry of the first and one of the second, and of constants."""
    unit = max(exponent(first) + exponent(second), exponent(constant))
    return int(np.ceil(np.log2(max(1.0, float(np.max(largest))) * 2.0**unit + 1)))


def exponent(values: Any) -> int:
    """The smallest e ≥ 0 for which all values are multiples of 2^-e."""
    scaled, found = np.asarray(values, dtype=np.float64), 0
    while not np.array_equal(np.rint(scaled), scaled):
        scaled, found = 2 * scaled, found + 1
    return found
