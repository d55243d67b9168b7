"""The golden vectors: which networks and points, and why."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise, product
from typing import Any

import numpy as np

from gnref.exact import Array, ExactConditional, ExactNetwork, off_kinks, square_root
from gnref.vectors.network import Layer, Network
from gnref.vectors.oracle import Labels, Vector, make

VERSION = 2
"""Raised whenever a number or a field changes."""

FLAGS: dict[str, str] = {
    "live": "‖∇f‖ > 0 at some points: the ordinary case.",
    "dead": "‖∇f‖ = 0 and f ≠ 0 at some points: f̂ = ±1 and no gradient.",
    "both-signs": "Scores of both signs: a missing |·| shows.",
    "small-ratio": "|f| < ‖∇f‖ at some points.",
    "large-ratio": "|f| > ‖∇f‖ at some points.",
    "rational": "‖∇f‖ is a rational number at all points: f̂ can be checked by hand.",
    "affine": "No hidden layer: the only networks Theorem 6 speaks of as printed.",
    "leaky": "LeakyReLU, exact at a slope of 1/4.",
    "absolute-value": "The activation |z|: the derivative -1 shows a wrong mask.",
    "deep": "Two hidden layers.",
    "batch-of-one": "N = 1: a mean over the batch is no mistake here, and is one elsewhere.",
    "conditional": "D_y(x) with a label embedding: each sample is normalized for its own y.",
    "unequal-weights": "The loss weighs its samples unequally: a shortcut for a mean loss shows.",
    "zero-score": "f = 0 and ‖∇f‖ > 0 at some points: f̂ = 0, and its gradient is ∇f/‖∇f‖.",
    "image": "Convolutions on (N, C, H, W): a norm over channels, or over some axes only, shows.",
    "smooth": "The activation z²: not piecewise linear, so that f̂ has a Hessian's term in x.",
    "many-samples": "N = 20: more samples than a small network has regions.",
    "zero-over-zero": "f = 0 and ∇f = 0: f̂ = 0 by convention, and no gradient is NaN.",
    "norm-underflows": "‖∇f‖² underflows in float32, ‖∇f‖ does not.",
    "norm-overflows": "‖∇f‖² overflows in float32, ‖∇f‖ does not.",
    "saturated": "|f|/‖∇f‖ = 2^30: f̂ rounds to 1 in float32, and 1/N - |f|/N² cancels.",
    "steep": "|f|/‖∇f‖ = 2^-30.",
}
"""Why a vector is there."""


def vectors() -> list[Vector]:
    """All golden vectors, in order; the same on every machine."""
    return [*_required(), *_edges()]


def _layers(*sizes: int) -> list[list[tuple[tuple[int, ...], int]]]:
    """Small integers, odd biases: a fixed sequence, the same everywhere."""
    state, found = 7, []
    for wide, tall in pairwise(sizes):
        layer = []
        for _ in range(tall):
            row = []
            for _ in range(wide + 1):
                state = (1103515245 * state + 12345) % 2**31
                row.append((state >> 16) % 7 - 3)
            layer.append((tuple(row[:-1]), 2 * row[-1] + 1))
        found.append(layer)
    return found


def _required() -> list[Vector]:
    square = np.array(list(product((-4.0, -1.0, 2.0), repeat=2)))
    line = np.arange(-4.0, 5.0)[:, None]
    deep, wide = _layers(2, 4, 3, 1), _layers(3, 6, 1)
    cube = np.array(list(product((-3.0, 2.0), repeat=3)))
    found = [
        _required_vector("affine-3-4", _dense([], ((3, 4), 1)), square),
        _required_vector("affine-one-sample", _dense([], ((3, 4), -7)), square[:1]),
        _required_vector("one-relu", _dense([[((1,), 1)]], ((2,), 3)), line),
        _required_vector("pythagorean-abs", _dense([[((3, 4), 1), ((-4, 3), 3)]], ((2, 0), -9), -1.0), square),
        _required_vector("zero-score", Network.of(ExactNetwork((), ((3.0, -4.0), 0.0))), square * (4.0, 3.0)),
        _required_vector("dead-everywhere", _dense([[((1, 1), -15)]], ((3,), -5)), square[:4]),
    ]
    for name, slope in (("relu", 0.0), ("leaky", 0.25), ("abs", -1.0)):
        found.append(_required_vector(f"deep-{name}", _dense(deep[:-1], deep[-1][0], slope), square))
        found.append(_required_vector(f"wide-{name}", _dense(wide[:-1], wide[-1][0], slope), cube))
        embedding = ((1.0, 0.0, -2.0), (-3.0, 2.0, 1.0), (0.0, -1.0, 3.0))
        conditional = Network.of(ExactConditional(off_kinks(deep[:-1], deep[-1][0], slope), embedding))
        found.append(_required_vector(f"conditional-{name}", conditional, square, labels=np.arange(9) % 3))
        found.append(_required_vector(f"image-{name}", replace(_convolutional(), slope=slope), _images(3)))
    found.append(_required_vector("many-samples", _dense(wide[:-1], wide[-1][0]), _points(20, 3)))
    found.append(_required_vector("many-images", _convolutional(), _images(20)))
    found.append(_required_vector("smooth", replace(_dense(wide[:-1], wide[-1][0]), activation="square"), cube))
    found.append(_required_vector("smooth-image", replace(_convolutional(), activation="square"), _images(3)))
    return found


def _edges() -> list[Vector]:
    """Affine discriminators at x = 0, where f and ∇f are the bias and the weight."""

    def at(name: str, score: float, gradient: tuple[float, ...], *flags: str) -> Vector:
        network = Network.of(ExactNetwork((), (gradient, score)))
        return make(name, network, np.zeros((1, len(gradient))), flags, robustness=True)

    tiny, huge = 2.0**-80, 2.0**80
    return [
        at("zero-over-zero", 0.0, (0.0, 0.0), "zero-over-zero"),
        at("norm-underflows", 5 * tiny, (3 * tiny, -4 * tiny), "norm-underflows"),
        at("norm-overflows", -5 * huge, (3 * huge, -4 * huge), "norm-overflows"),
        at("saturated", 5 * 2.0**30, (3.0, 4.0), "saturated"),
        at("steep", -5.0, (3 * 2.0**30, 4 * 2.0**30), "steep"),
    ]


def _dense(*of: Any) -> Network:
    return Network.of(off_kinks(*of))


def _convolutional() -> Network:
    """Two channels of 4 x 4 to three of 2 x 2 by a strided, padded convolution, and a dense head; off every kink."""
    state = iter(_layers(2 * 9, 3, 1)[0] + _layers(12, 1)[0])
    rows = [next(state) for _ in range(3)]
    weight = np.array([row for row, _ in rows], dtype=np.float64).reshape(3, 2, 3, 3)
    bias = np.array([odd / 2 for _, odd in rows])
    head, odd = next(state)
    return Network(
        (Layer(weight, bias, stride=2, padding=1), Layer(np.array([head], dtype=float), np.array([odd / 16])))
    )


def _points(count: int, inputs: int) -> Array:
    """Integers from -3 to 3, a fixed sequence."""
    ((row, _),) = _layers(count * inputs, 1)[0]
    return np.array(row, dtype=np.float64).reshape(count, inputs)


def _images(count: int) -> Array:
    return _points(count, 32).reshape(count, 2, 4, 4)


def _required_vector(name: str, network: Network, x: Array, labels: Labels | None = None) -> Vector:
    made = make(name, network, x, labels=labels)
    f, squared = made.score, made.squared_norm
    roots = [square_root(value) for value in squared]
    leaky = network.activation == "leaky" and len(network.layers) > 1
    belongs = {
        "live": any(squared),
        "dead": not all(squared),
        "both-signs": bool((f > 0).any() and (f < 0).any()),
        "small-ratio": any(Fraction(a) ** 2 < b for a, b in zip(f.tolist(), squared, strict=True)),
        "large-ratio": any(Fraction(a) ** 2 > b > 0 for a, b in zip(f.tolist(), squared, strict=True)),
        "zero-score": any(a == 0 < b for a, b in zip(f.tolist(), squared, strict=True)),
        "rational": any(squared) and all(root**2 == value for root, value in zip(roots, squared, strict=True)),
        "affine": len(network.layers) == 1,
        "leaky": leaky and network.slope == 0.25,
        "absolute-value": leaky and network.slope == -1.0,
        "smooth": network.activation == "square",
        "image": x.ndim == 4,
        "deep": len(network.layers) == 3,
        "batch-of-one": len(x) == 1,
        "many-samples": len(x) == 20,
        "conditional": labels is not None,
        "unequal-weights": len(x) > 1,
    }
    return replace(made, flags=tuple(flag for flag, holds in belongs.items() if holds))
