"""Hypothesis strategies for the laws' cases; the only module that imports hypothesis.

Networks come off kinks by construction (`off_kinks`), so nothing is filtered. A neuron is one tuple (row, odd number),
drawn at the full width and cut to the width of the layer below, so that dropping a neuron is one step of shrinking.
"""

from fractions import Fraction
from itertools import product
from typing import get_args

from hypothesis import event
from hypothesis import strategies as st

from gnref.exact import ExactConditional, ExactNetwork, off_kinks
from gnref.laws.along import Facet, Line
from gnref.laws.case import Case
from gnref.laws.edges import Edge
from gnref.laws.image_case import ImageCase, Layout
from gnref.laws.surfaces import Densities

_WIDTH, _INPUTS, _RADIUS = 6, 3, 4

_weights = st.integers(-3, 3)
_odd = st.integers(-4, 3).map(lambda i: 2 * i + 1)
_neurons = st.tuples(st.tuples(*[_weights] * _WIDTH), _odd)
_layers = st.lists(_neurons, min_size=1, max_size=_WIDTH)
_slopes = st.sampled_from([0.0, 0.0, 0.25, -1.0])


@st.composite
def networks(draw: st.DrawFn, min_hidden: int = 0, inputs: int | None = None) -> ExactNetwork:
    """An exact network of 1 to 3 inputs, or as many as asked for, and up to two hidden layers of up to 6 units.

    ReLU, leaky ReLU or the absolute value.

    Its numbers stay exact in float32 at integer points of size up to 4: the bit budget is asserted, not filtered.
    """
    width = inputs or draw(st.integers(1, _INPUTS))
    hidden = [draw(_layers) for _ in range(draw(st.sampled_from([1, 2, 0] if not min_hidden else [1, 2])))]
    head, slope = draw(_neurons), draw(_slopes)
    layers: list[list[tuple[tuple[int, ...], int]]] = []
    for layer in (*hidden, [head]):
        layers.append([(row[:width], odd) for row, odd in layer])
        width = len(layer)
    network = off_kinks(layers[:-1], layers[-1][0], slope)
    assert network.significand_bits(_RADIUS) <= 24, network
    return network


def grid(inputs: int) -> tuple[tuple[float, ...], ...]:
    """Integer points in [-4, 4]^n: all 9 and 81 of them for n = 1 and 2, 64 for n = 3."""
    axis = range(-4, 5) if inputs < 3 else (-4, -1, 2, 3)
    return tuple(tuple(float(c) for c in point) for point in product(axis, repeat=inputs))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A network at all points of its grid, or at a single one."""
    network = draw(networks())
    points = grid(network.dimension)
    if draw(st.sampled_from([False, False, False, True])):
        points = (draw(st.sampled_from(points)),)
    return _noted(Case(network, points))


@st.composite
def conditional_cases(draw: st.DrawFn) -> Case:
    """A network with an integer projection embedding of 1 to 3 labels, at the grid's points under drawn labels."""
    network = draw(networks())
    rows = draw(st.lists(st.tuples(*[_weights] * _WIDTH), min_size=1, max_size=3))
    width = len(network.head[0])
    conditional = ExactConditional(network, tuple(tuple(float(e) for e in row[:width]) for row in rows))
    points = grid(network.dimension)[:: draw(st.sampled_from([1, 2, 5]))]
    cycle = draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=4))
    case = Case(conditional, points, tuple(cycle[i % len(cycle)] for i in range(len(points))))
    event("labels", str(len(rows)))
    return _noted(case)


@st.composite
def lines(draw: st.DrawFn) -> Line:
    """A network and a segment between two different integer points."""
    network = draw(networks())
    points = grid(network.dimension)
    start = draw(st.integers(0, len(points) - 1))
    end = (start + draw(st.integers(1, len(points) - 1))) % len(points)
    line = Line(network, points[start], points[end])
    event("kinks on the segment", _few(len(line.segment().t) - 2))
    return line


@st.composite
def equal_norm_lines(draw: st.DrawFn) -> Line:
    """A line of a network whose ‖∇f‖ is the same in all regions: |·| after layers of orthogonal rows of one length."""
    size = draw(st.sampled_from([1, 2]))
    orthogonal = st.sampled_from([((1, 1), (1, -1)), ((1, 0), (0, -1)), ((3, 4), (-4, 3)), ((0, 2), (2, 0))])
    layers = []
    for _ in range(draw(st.integers(1, 2))):
        rows = draw(orthogonal) if size == 2 else ((draw(st.sampled_from([1, -2, 3])),),)
        layers.append([(row, draw(_odd)) for row in rows])
    head = (draw(st.tuples(*[_weights] * size)), draw(_odd))
    network = off_kinks(layers, head, slope=-1.0)
    start, step = draw(st.tuples(*[st.integers(-4, 4)] * size)), draw(st.tuples(*[st.integers(-8, 8)] * size))
    end = tuple(a + (b or 1) for a, b in zip(start, step, strict=True))
    line = Line(network, tuple(map(float, start)), tuple(map(float, end)))
    event("kinks on the segment", _few(len(line.segment().t) - 2))
    return line


@st.composite
def facets(draw: st.DrawFn) -> Facet:
    """A network with one more first-layer unit, whose kink passes through a drawn integer point, and its normal.

    All other units are off their kinks there by parity: the new unit adds 0 to the layer above.
    """
    network = draw(networks(min_hidden=1))
    point = draw(st.tuples(*[st.integers(-4, 4)] * network.dimension))
    row = draw(st.tuples(*[_weights] * (network.dimension - 1), st.integers(1, 3)))
    offset = -sum(w * c for w, c in zip(row, point, strict=True))
    unit = (tuple(map(float, row)), float(offset))
    above = draw(st.tuples(*[st.sampled_from([-3, -2, -1, 1, 2, 3])] * _WIDTH))
    first, *rest = network.layers
    following = [*rest, (network.head,)]
    following[0] = tuple(((*weights, float(above[i])), bias) for i, (weights, bias) in enumerate(following[0]))
    found = ExactNetwork(((*first, unit), *following[:-1]), following[-1][0], network.slope)
    facet = Facet(found, tuple(map(float, point)), tuple(map(float, row)))
    sides = {
        found.exactly(
            [Fraction(c) + Fraction(s, 2**24) * Fraction(d) for c, d in zip(point, row, strict=True)]
        ).squared_norm
        for s in (1, -1)
    }
    event("facet", "‖∇f‖ changes" if len(sides) == 2 else "‖∇f‖ does not change")
    return facet


def edge_cases() -> st.SearchStrategy[Edge]:
    """f and ∇f of float32's whole range of normal numbers, |f|/‖∇f‖ from 2^-40 to 2^40."""
    mantissas = st.floats(1, 2, exclude_max=True, width=16)
    signs = st.sampled_from([-1.0, 1.0])
    entries = st.lists(st.tuples(signs, mantissas, st.integers(-12, 0)), min_size=1, max_size=4)

    def build(score: tuple[float, float, int], gradient: list[tuple[float, float, int]], exponent: int) -> Edge:
        top = exponent + score[2] if -124 <= exponent + score[2] <= 125 else exponent
        low = max(exponent, -112)
        v = tuple(sign * mantissa * 2.0 ** (low + shift) for sign, mantissa, shift in gradient)
        return Edge(score[0] * score[1] * 2.0**top, v)

    return st.builds(build, st.tuples(signs, mantissas, st.integers(-40, 40)), entries, st.integers(-112, 124))


def half_edges() -> st.SearchStrategy[Edge]:
    """f and ∇f of moderate size, for half precision."""
    numbers = st.integers(-255, 255).map(lambda i: i / 16)
    return st.builds(lambda f, v: Edge(f, tuple(v)), numbers.filter(bool), st.lists(numbers, min_size=1, max_size=4))


def image_cases() -> st.SearchStrategy[ImageCase]:
    """Convolutional networks of exact numbers, drawn by their choices; their numbers by NumPy, from one drawn seed.

    Hundreds of weights drawn one by one would cost seconds a case and shrink no better.
    """
    return st.builds(
        ImageCase,
        shape=st.tuples(st.integers(1, 3), st.integers(2, 5), st.integers(2, 5)),
        width=st.integers(1, 3),
        kernel=st.integers(1, 3),
        stride=st.integers(1, 2),
        padding=st.just(1),
        blocks=st.sampled_from([0, 1, 1]),
        pool=st.sampled_from(["none", "average", "largest", "total"]),
        slope=st.sampled_from([0.0, 0.25, -1.0]),
        score=st.sampled_from(["odd", "zero", "far above", "far below"]),
        samples=st.sampled_from([4, 1, 8]),
        positive=st.booleans(),
        labels=st.just(0),
        layout=st.sampled_from(get_args(Layout)),
        seed=st.integers(0, 2**16),
    )


@st.composite
def profiles(draw: st.DrawFn) -> Line:
    """A network of one input, on a segment across its kinks."""
    network = draw(networks(min_hidden=1, inputs=1))
    start = draw(st.integers(-4, 0))
    line = Line(network, (float(start),), (float(draw(st.integers(1, 4))),))
    event("kinks on the segment", _few(len(line.segment().t) - 2))
    return line


def plane_networks() -> st.SearchStrategy[ExactNetwork]:
    """A network of two inputs with one or two hidden layers."""
    return networks(min_hidden=1, inputs=2)


def kinks() -> st.SearchStrategy[tuple[Fraction, ...]]:
    """(a, b, f) > 0: roots of the norms on a kink's sides, and f there, at a b itself in half of the cases."""
    positive = st.fractions(Fraction(1, 64), 64, max_denominator=64)
    return st.builds(lambda a, b, f, at: (a, b, a * b if at else f), positive, positive, positive, st.booleans())


def rates() -> st.SearchStrategy[Fraction]:
    """A rate r ≥ 2."""
    return st.fractions(2, 10, max_denominator=100)


def ratios() -> st.SearchStrategy[float]:
    """t = f/‖∇f‖, dyadic, of both signs and up to 512."""
    return st.integers(-(2**15), 2**15).filter(bool).map(lambda i: i / 64)


def kernels() -> st.SearchStrategy[tuple[tuple[int, ...], ...]]:
    """A kernel of 3 x 3 small integers."""
    row = st.tuples(*[st.integers(-3, 3)] * 3)
    return st.tuples(row, row, row)


def quadratics() -> st.SearchStrategy[tuple[int, ...]]:
    """(a, b, c, x, y): a quadratic form and a point, in integers."""
    return st.tuples(*[st.integers(-9, 9)] * 5)


def densities() -> st.SearchStrategy[Densities]:
    """Two positive densities and a probability, in fractions."""
    positive = st.fractions(Fraction(1, 100), 100)
    return st.builds(Densities, positive, positive, st.fractions(Fraction(1, 1000), Fraction(999, 1000)))


def widths() -> st.SearchStrategy[tuple[int, ...]]:
    """Layer widths of a network with one output."""
    return st.lists(st.integers(2, 9), min_size=2, max_size=4).map(lambda w: (*w, 1))


def _noted(case: Case) -> Case:
    for name, belongs in classes(case).items():
        if belongs:
            event(name)
    return case


def classes(case: Case) -> dict[str, bool]:
    """The classes a case belongs to: what a law would be vacuous without."""
    f, _, squared = case.exact
    network = case.network if isinstance(case.network, ExactNetwork) else case.network.network
    signs = [z > 0 for z in network.pre_activations(case.array)]
    return {
        "a live region": bool((squared > 0).any()),
        "a dead region": bool((squared == 0).any()),
        "a batch of one": len(f) == 1,
        "one unit in a layer": any(len(layer) == 1 for layer in network.layers),
        "affine": not network.layers,
        "two hidden layers": len(network.layers) == 2,
        "more than one region": any(bool((on != on[0]).any()) for on in signs),
        "scores of both signs": bool((f > 0).any() and (f < 0).any()),
        "|f| > g": bool((f**2 > squared).any()),
        "|f| < g": bool((f**2 < squared).any()),
    }


def _few(count: int) -> str:
    return str(count) if count < 3 else "3 or more"
