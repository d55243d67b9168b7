"""Chain networks that the tests of certificates share."""

from itertools import pairwise

import numpy as np

from gnref.certificates import Chain


def random_chain(widths: tuple[int, ...], seed: int, slope: float = 0.0) -> Chain:
    """Normal weights and biases."""
    rng = np.random.default_rng(seed)
    return Chain.of([(rng.standard_normal((b, a)), rng.standard_normal(b)) for a, b in pairwise(widths)], slope)


def relu_plus_one() -> Chain:
    """f = relu(x) + 1, whose f̂ is 1 for x <= 0 and (x + 1) / (x + 2) for x > 0: it leaps from 1 to 1/2."""
    return Chain.of([([[1.0]], [0.0]), ([[1.0]], [1.0])])
