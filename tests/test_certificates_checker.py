"""The checker accepts right certificates and no other: any change of any field is refuted."""

import dataclasses
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from subjects.chains import random_chain, relu_plus_one

from gnref.certificates import Plane, Refuted, Segment, checker
from gnref.certificates.checker import Claim, check_region, check_segment
from gnref.strategies import lines


def as_lists(segment: Segment) -> list[tuple[list[list[Fraction]], list[Fraction]]]:
    return [(w.tolist(), b.tolist()) for w, b in zip(segment.network.weights, segment.network.biases, strict=True)]


def checked(segment: Segment, claim: Claim) -> None:
    check_segment(as_lists(segment), segment.network.slope, segment.p.tolist(), segment.q.tolist(), claim)


def changed(draw: st.DrawFn, values: list[Any], change: Any) -> list[Any]:
    """One entry changed, left out, or said twice."""
    at = draw(st.integers(0, len(values) - 1))
    kind = draw(st.sampled_from(["changed", "left out", "twice"]))
    put = {"changed": [change(values[at])], "left out": [], "twice": [values[at]] * 2}[kind]
    return [*values[:at], *put, *values[at + 1 :]]


@st.composite
def wrong_claims(draw: st.DrawFn, field: str) -> tuple[Segment, Claim]:
    """A right certificate of a drawn network, and the same with one field changed by as little as 2^-90 of it."""
    segment = draw(lines()).segment()
    claim = segment.claim()
    smallest = draw(st.sampled_from([Fraction(1, 2**90), Fraction(-1, 2**90), Fraction(1), math.nan, math.inf]))

    def moved(value: Any) -> Any:
        return smallest if isinstance(smallest, float) else value + smallest * (abs(value) or 1)

    def other_pattern(pattern: list[list[bool]]) -> list[list[bool]]:
        if not pattern:  # an affine network has none
            return [[True]]
        return changed(draw, pattern, lambda layer: changed(draw, layer, lambda on: not on))

    value = getattr(claim, field)
    if field == "patterns":
        value = changed(draw, value, other_pattern)
    elif isinstance(value, list):
        value = changed(draw, value, moved)
    else:
        value = moved(value)
    return segment, claim._replace(**{field: value})


@pytest.mark.parametrize("field", Claim._fields)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_change_in_any_field_is_refuted(field: str, data: st.DataObject) -> None:
    segment, wrong = data.draw(wrong_claims(field))
    checked(segment, segment.claim())
    with pytest.raises(Refuted):
        checked(segment, wrong)


def test_a_certificate_cut_short_is_refuted() -> None:
    """With all lists but t empty, relu(x) + 1 would have Lipschitz constant 0 and jump 0; the truth is 1 and 1/2."""
    segment = Segment.of(relu_plus_one().exact(), [-1], [3])
    short = segment.claim()._replace(patterns=[], slopes=[], norms_squared=[], lipschitz=0, largest_jump=0)
    with pytest.raises(Refuted, match="it has 0 slopes where 2 belong to 2 pieces"):
        checked(segment, short)


def test_points_of_another_dimension_and_one_point_twice_are_refuted() -> None:
    segment = Segment.of(relu_plus_one().exact(), [-1], [3])
    for p, q, told in (([-1, 0], [3], "2 points where 1"), ([-1], [3, 0], "2 end points"), ([3], [3], "are one")):
        with pytest.raises(Refuted, match=told):
            check_segment(as_lists(segment), 0, p, q, segment.claim())


@pytest.mark.parametrize("slope", [0.0, 0.25, -1.0])
def test_pieces_that_are_really_two_are_refuted(slope: float) -> None:
    segment = Segment.of(random_chain((3, 6, 5, 1), seed=7, slope=slope).exact(), [-2, 1, 0], [2, -1, 1])
    segment.check()
    every_second = np.r_[0 : len(segment.t) - 1 : 2, len(segment.t) - 1]
    coarse = dataclasses.replace(
        segment,
        t=segment.t[every_second],
        values=segment.values[every_second],
        slopes=np.diff(segment.values[every_second]) / np.diff(segment.t[every_second]),
        norms_squared=segment.norms_squared[::2],
        patterns=tuple(layer[::2] for layer in segment.patterns),
    )
    with pytest.raises(Refuted, match=r"changes sign inside|has another pattern"):
        coarse.check()


def test_a_witness_outside_its_region_is_refuted() -> None:
    plane = Plane.of(random_chain((2, 5, 1), seed=10))
    layers = [(w.tolist(), b.tolist()) for w, b in zip(plane.network.weights, plane.network.biases, strict=True)]
    patterns = [plane.pattern(region) for region in range(len(plane))]
    assert check_region(layers, 0, (0.5, 0.25), checker.pattern_at(layers, 0, (0.5, 0.25))) > 0
    for region, other in zip(range(len(plane)), [*patterns[1:], patterns[0]], strict=True):
        assert plane.check(region) >= 0
        with pytest.raises(Refuted, match="has another pattern"):
            check_region(layers, 0, plane._centre(region), other)
