"""The strategies produce every class of case that a law would be vacuous without, each in at least 5 % of cases."""

from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy

from gnref.exact import ExactConditional, ExactNetwork
from gnref.laws import Case, Edge, Facet, Line
from gnref.strategies import (
    cases,
    classes,
    conditional_cases,
    edge_cases,
    equal_norm_lines,
    facets,
    lines,
    networks,
)

COUNT = 150
SHARE = 0.05


@cache
def drawn(make: Callable[[], SearchStrategy[Any]]) -> list[Any]:
    """The first cases of a strategy, the same in every run."""
    found: list[Any] = []

    @settings(
        max_examples=COUNT, derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    @given(make())
    def collect(case: Any) -> None:
        found.append(case)

    collect()
    return found


def classes_of_case(case: Case) -> set[str]:
    return {name for name, belongs in classes(case).items() if belongs}


def classes_of_line(line: Line) -> set[str]:
    kinks = len(line.segment().t) - 2
    return {f"{kinks} kinks" if kinks < 2 else "several kinks"}


def classes_of_facet(facet: Facet) -> set[str]:
    sides = []
    for sign in (1, -1):
        moved = zip(facet.point, facet.direction, strict=True)
        sides.append(facet.network.exactly([Fraction(c) + Fraction(sign, 2**24) * Fraction(d) for c, d in moved]))
    norms = {side.squared_norm for side in sides}
    return {"g changes" if len(norms) == 2 else "g stays", *({"a dead side"} if 0 in norms else ())}


def classes_of_edge(edge: Edge) -> set[str]:
    g = max(abs(c) for c in edge.gradient)
    found = {
        "|f| > 1000 g" if abs(edge.score) > 1000 * g else "|f| < g/1000" if abs(edge.score) < g / 1000 else "|f| ≈ g"
    }
    return found | {"g² overflows" if g > 2.0**64 else "g² underflows" if g < 2.0**-64 else "g² is normal"}


def classes_of_network(network: ExactNetwork) -> set[str]:
    return {f"slope {network.slope}", f"{network.dimension} inputs", f"{len(network.layers)} hidden layers"}


CASES = set(classes(Case(ExactNetwork((), ((1.0,), 1.0)), ((0.0,),))))
EXPECTED: dict[str, tuple[Callable[[], SearchStrategy[Any]], Callable[[Any], set[str]], set[str]]] = {
    "cases": (cases, classes_of_case, CASES),
    "conditional cases": (conditional_cases, classes_of_case, CASES - {"a batch of one"}),
    "lines": (lines, classes_of_line, {"0 kinks", "1 kinks", "several kinks"}),
    "equal norms": (equal_norm_lines, classes_of_line, {"0 kinks", "1 kinks", "several kinks"}),
    "facets": (facets, classes_of_facet, {"g changes", "g stays", "a dead side"}),
    "edges": (
        edge_cases,
        classes_of_edge,
        {"|f| > 1000 g", "|f| < g/1000", "|f| ≈ g", "g² overflows", "g² underflows", "g² is normal"},
    ),
    "networks": (
        networks,
        classes_of_network,
        {
            *(f"slope {s}" for s in (0.0, 0.25, -1.0)),
            *(f"{n} inputs" for n in (1, 2, 3)),
            *(f"{n} hidden layers" for n in (0, 1, 2)),
        },
    ),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_every_class_occurs(name: str) -> None:
    strategy, classify, expected = EXPECTED[name]
    found = drawn(strategy)
    shares = Counter(c for case in found for c in classify(case))
    too_rare = {c: shares[c] for c in expected if shares[c] < SHARE * len(found)}
    assert not too_rare, (too_rare, len(found), shares)


def test_no_case_is_on_a_kink_and_no_score_is_zero() -> None:
    for case in drawn(cases):
        assert (case.exact.score != 0).all()
        assert all((z != 0).all() for z in case.network.pre_activations(case.array))


def test_labels_are_of_the_embedding() -> None:
    for case in drawn(conditional_cases):
        assert isinstance(case.network, ExactConditional)
        assert set(case.labels) <= set(range(len(case.network.embedding)))
