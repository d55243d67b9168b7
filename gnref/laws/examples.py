"""A few fixed cases for every law of an implementation: what a subject meets without hypothesis, in a second."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import torch

from gnref.exact import ExactConditional, ExactNetwork, off_kinks
from gnref.laws import smooth
from gnref.laws.case import Case, Law
from gnref.laws.edges import Edge, edges
from gnref.laws.line import Facet

_GRID = tuple((float(a), float(b)) for a, b in product((-4, -1, 2, 3), repeat=2))
_LINE = tuple((float(a),) for a in range(-4, 5))


def _deep(slope: float) -> ExactNetwork:
    first, second = [((1, -2), 3), ((3, 0), -1), ((-1, 1), 5)], [((2, -1, 1), -3), ((-1, 1, 3), 1)]
    return off_kinks([first, second], ((2, -3), 5), slope)


NETWORKS: dict[str, ExactNetwork] = {
    "affine": off_kinks([], ((3, -2), 5)),
    "one unit, half of it dead": off_kinks([[((1,), 1)]], ((2,), 3)),
    "ReLU": _deep(0.0),
    "leaky ReLU": _deep(0.25),
    "absolute value": _deep(-1.0),
    "wide": off_kinks([[((1, 1), 1), ((1, -1), 1), ((-2, 1), 3), ((0, 3), -5), ((3, 2), 7)]], ((1, -2, 1, 3, -1), -1)),
}
"""Networks with dead and live regions, scores of both signs, |f| above and below ‖∇f‖."""


def examples(law: Law, device: str = "cpu") -> Iterator[Any]:
    """Cases of the law's kind in float32 and float64, on a device.

    Every law of level "required" has some, and those of level "robustness" that judge an implementation.
    """
    for dtype in (torch.float64, torch.float32):
        if law.cases == "network":
            for network in NETWORKS.values():
                points = _GRID if network.dimension == 2 else _LINE
                yield Case(network, points, dtype=dtype, device=device)
            yield Case(NETWORKS["ReLU"], _GRID[1:2], dtype=dtype, device=device)
        elif law.cases == "conditional":
            for name in ("leaky ReLU", "wide"):
                rows = ((1.0, 0.0, 2.0, -1.0, 0.0), (-2.0, 3.0, 1.0, 0.0, 1.0), (0.0, 0.0, -1.0, 2.0, 2.0))
                width = len(NETWORKS[name].head[0])
                conditional = ExactConditional(NETWORKS[name], tuple(row[:width] for row in rows))
                yield Case(conditional, _GRID, tuple(i % 3 for i in range(len(_GRID))), dtype, device)
        elif law.id == "zero-over-zero":
            yield from (Edge(0.0, (0.0,) * inputs, dtype, device) for inputs in (1, 3))
        elif law.id == "half-precision" and dtype == torch.float32:
            yield from (Edge(f, v, dtype, device) for f, v in ((1.5, (1.0, 2.0)), (0.25, (3.0, -1.0)), (-9.0, (2.0,))))
        elif law.id in ("exponent-range", "gradient-range"):
            yield from (edge.to(dtype, device) for edge in edges())
    if law.cases == "facet":
        yield Facet(ExactNetwork(((((1.0,), 0.0),),), ((1.0,), 1.0)), (0.0,), (1.0,))
        yield Facet(ExactNetwork(((((6.0, 8.0), 0.0),),), ((1.0,), 5.0), 0.5), (4.0, -3.0), (6.0, 8.0))
    elif law.id == "slope-formula":
        yield from (smooth.SOFTSIGN, smooth.ELU, smooth.TANH)
    elif law.id == "softplus-spike":
        yield from (20.0, 100.0)
    elif law.id in ("evaluation-cost", "step-cost"):
        yield from ((3, 4, 1), (5, 7, 6, 1))
