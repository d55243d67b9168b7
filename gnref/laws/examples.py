"""The fixed cases that laws of an implementation share: dead and live regions, scores of both signs, labels."""

from collections.abc import Iterator
from itertools import product

from gnref.exact import ExactConditional, ExactNetwork, off_kinks
from gnref.laws.case import Case

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


def network_cases() -> Iterator[Case]:
    """Each of `NETWORKS` on a grid of points, and one of them at a single point."""
    for network in NETWORKS.values():
        yield Case(network, _GRID if network.dimension == 2 else _LINE)
    yield Case(NETWORKS["ReLU"], _GRID[1:2])


def conditional_cases() -> Iterator[Case]:
    """Two networks with an embedding of three labels, every point under one of them."""
    rows = ((1.0, 0.0, 2.0, -1.0, 0.0), (-2.0, 3.0, 1.0, 0.0, 1.0), (0.0, 0.0, -1.0, 2.0, 2.0))
    for name in ("leaky ReLU", "wide"):
        width = len(NETWORKS[name].head[0])
        conditional = ExactConditional(NETWORKS[name], tuple(row[:width] for row in rows))
        yield Case(conditional, _GRID, tuple(i % 3 for i in range(len(_GRID))))
