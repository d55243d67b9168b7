"""The networks of the golden vectors: convolutions and dense layers, evaluated with their tangents in fractions."""

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gnref.exact import Array, ExactConditional, ExactNetwork
from gnref.vectors.tape import Number, dot, total

Numbers = NDArray[np.object_]
"""An array of `Number`s."""


@dataclass(frozen=True)
class Layer:
    """W h + b: dense with W (out, in), h flattened; or a convolution with W (out, in, k, k)."""

    weight: Array
    bias: Array
    stride: int = 1
    padding: int = 0
    """Zeros around each channel."""

    @property
    def kind(self) -> Literal["linear", "convolution"]:
        """By the weight's dimensions."""
        return "linear" if self.weight.ndim == 2 else "convolution"

    def shape_after(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """What comes out where (n,) or (C, H, W) goes in."""
        if self.kind == "linear":
            return (len(self.weight),)
        size = self.weight.shape[-1]
        return (len(self.weight), *((extent + 2 * self.padding - size) // self.stride + 1 for extent in shape[1:]))


@dataclass(frozen=True)
class Network:
    """Layers with an activation after each but the last, with a score; with an embedding, a conditional one."""

    layers: tuple[Layer, ...]
    activation: Literal["leaky", "square"] = "leaky"
    """z for z > 0 and slope·z otherwise, or z²."""
    slope: float = 0.0
    embedding: Array | None = None
    """(labels, width): ⟨embedding[y], h⟩ is added to the score, h being the last hidden layer."""

    @classmethod
    def of(cls, exact: ExactNetwork | ExactConditional) -> "Network":
        """The same as an exact network of dense layers."""
        plain = exact if isinstance(exact, ExactNetwork) else exact.network
        embedding = None if isinstance(exact, ExactNetwork) else np.array(exact.embedding)
        return cls(tuple(Layer(w, b) for w, b in plain.matrices()), "leaky", plain.slope, embedding)

    @property
    def parameters(self) -> dict[str, Array]:
        """weight.0, bias.0 and so on, and the embedding if there is one."""
        found: dict[str, Array] = {}
        for i, layer in enumerate(self.layers):
            found |= {f"weight.{i}": layer.weight, f"bias.{i}": layer.bias}
        return found if self.embedding is None else found | {"embedding": self.embedding}

    def absolute(self) -> "Network":
        """All its numbers taken as positive, and the identity in place of the leaky activation: no term cancels."""
        layers = tuple(replace(layer, weight=np.abs(layer.weight), bias=np.abs(layer.bias)) for layer in self.layers)
        embedding = None if self.embedding is None else np.abs(self.embedding)
        return replace(self, layers=layers, slope=1.0, embedding=embedding)

    def units(self, shape: tuple[int, ...]) -> int:
        """Inputs of this shape and all units of all layers: no sum has more terms than these."""
        count = int(np.prod(shape))
        for layer in self.layers:
            shape = layer.shape_after(shape)
            count += int(np.prod(shape))
        return count

    def score(
        self, parameters: dict[str, Numbers], x: Numbers, direction: Numbers, label: int | None
    ) -> tuple[Number, Number]:
        """f(x) and ⟨∇ₓf(x), v⟩ for a direction v in the shape of x."""
        h, t = x, direction
        for i, layer in enumerate(self.layers):
            below = h, t
            weight, bias = parameters[f"weight.{i}"], parameters[f"bias.{i}"]
            h, t = _linear(layer, weight, bias, h), _linear(layer, weight, None, t)
            if i < len(self.layers) - 1:
                slopes = _each(self._slope, h)
                h, t = _each(self._activated, h), _products(slopes, t)
        f, along = h.item(), t.item()
        if label is not None:
            row = parameters["embedding"][label]
            f = total([(Fraction(1), f), (Fraction(1), dot(zip(row, below[0].ravel(), strict=True)))])
            along = total([(Fraction(1), along), (Fraction(1), dot(zip(row, below[1].ravel(), strict=True)))])
        return f, along

    def _slope(self, z: Number) -> Number:
        if self.activation == "square":
            return Number(2 * z.value, ((z, Fraction(2)),))
        return Number(Fraction(1) if z.value > 0 else Fraction(self.slope))

    def _activated(self, z: Number) -> Number:
        slope = self._slope(z).value
        return Number(z.value**2 if self.activation == "square" else slope * z.value, ((z, slope),))


def numbers(values: Array | NDArray[np.object_]) -> Numbers:
    """Each entry as a `Number`."""
    return _each(lambda value: Number(Fraction(value)), np.asarray(values, dtype=object))


def _each(function: Any, values: NDArray[Any]) -> Numbers:
    found = np.empty(values.shape, dtype=object)
    for place in np.ndindex(values.shape):
        found[place] = function(values[place])
    return found


def _products(a: Numbers, b: Numbers) -> Numbers:
    found = np.empty(a.shape, dtype=object)
    for place in np.ndindex(a.shape):
        found[place] = dot([(a.item(place), b.item(place))])
    return found


def _linear(layer: Layer, weight: Numbers, bias: Numbers | None, h: Numbers) -> Numbers:
    def plus_bias(out: int, pairs: list[tuple[Number, Number]]) -> Number:
        found = dot(pairs)
        return found if bias is None else total([(Fraction(1), found), (Fraction(1), bias[out])])

    if layer.kind == "linear":
        flat = h.ravel()
        return _each(lambda out: plus_bias(out, list(zip(weight[out], flat, strict=True))), np.arange(len(weight)))
    _, tall, wide = h.shape
    size, p, s = weight.shape[-1], layer.padding, layer.stride
    found = np.empty(layer.shape_after(h.shape), dtype=object)
    for out, row, column in np.ndindex(found.shape):
        taps = product(range(weight.shape[1]), range(size), range(size))
        inside = [(c, i, j) for c, i, j in taps if 0 <= row * s + i - p < tall and 0 <= column * s + j - p < wide]
        pairs = [(weight[out, c, i, j], h[c, row * s + i - p, column * s + j - p]) for c, i, j in inside]
        found[out, row, column] = plus_bias(out, pairs)
    return found
