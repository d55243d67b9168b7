"""Certificates of a square: every region as fractions find them, and what is too thin for floats is said to be."""

import dataclasses
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from subjects.chains import random_chain

from gnref.certificates import Chain, Plane, Refuted, Segment, checker
from gnref.errors import UserError


def small_plane_network(seed: int, widths: tuple[int, ...], slope: float, bias: float) -> Chain:
    """Dyadic weights (multiples of 1/8), so that float64 and fractions speak of the same network."""
    rng = np.random.default_rng(seed)
    layers = [
        (rng.integers(-16, 17, (b, a)) / 8, bias * rng.integers(-16, 17, b) / 8 if bias else np.zeros(b))
        for a, b in pairwise(widths)
    ]
    return Chain.of(layers, slope)


def as_lists(chain: Chain) -> list[tuple[list[list[float]], list[float]]]:
    return [(w.tolist(), b.tolist()) for w, b in zip(chain.weights, chain.biases, strict=True)]


class TestPlane:
    def test_a_line_that_only_touches_regions_cuts_none_of_them(self) -> None:
        """Of the second layer's lines some meet no region of a batch inside."""
        first = [[0.0, 3.0], [-2.0, -1.0]], [0.5, 3.5]
        second = [[3.0, 0.0], [0.0, 3.0], [0.0, 1.0], [-2.0, 0.0]], [-0.0625, -0.1875, -0.0625, 0.1875]
        plane = Plane.of(Chain.of([first, second, ([[0.0, 3.0, 0.0, 2.0]], [-0.0390625])], slope=0.25), -2.0, 2.0)
        assert plane.areas().sum() == 16

    @pytest.mark.parametrize("bias", [1.0, 0.0])
    @pytest.mark.parametrize("slope", [0.0, 0.25, -1.0])
    @pytest.mark.parametrize("widths", [(2, 9, 1), (2, 5, 5, 1), (2, 4, 4, 4, 1)])
    def test_every_region_is_found_as_fractions_find_it(
        self, widths: tuple[int, ...], slope: float, bias: float
    ) -> None:
        for seed in range(3):
            chain = small_plane_network(seed, widths, slope, bias)
            plane = Plane.of(chain, -3, 3)
            truth = checker.regions_of_box(as_lists(chain), slope, -3, 3)
            assert sum(checker.area(polygon) for _, polygon in truth) == 36
            came = {plane.pattern(region) for region in range(len(plane))}
            patterns = {tuple(tuple(row) for row in pattern) for pattern, _ in truth}
            assert len(plane) == len(came) == len(patterns)
            squares = [sum(c * c for c in checker.gradient(as_lists(chain), slope, pattern)) for pattern, _ in truth]
            # The products and sums of a gradient of these integers-over-8^k are exact in float64; the root rounds.
            assert plane.lipschitz_of_score().value == pytest.approx(float(max(squares)) ** 0.5, rel=4 * 2.0**-53)

    def test_an_affine_network_is_one_region(self) -> None:
        plane = Plane.of(Chain.of([([[3.0, 4.0]], [1.0])]), -1, 1)
        assert len(plane) == 1
        assert plane.lipschitz_of_score().value == 5
        assert plane.lipschitz().value == 1
        assert plane.largest_jump() is None

    def test_a_thousand_cones_meet_in_one_point(self) -> None:
        """Without biases all 512 lines pass through 0: 1,024 cones, and as many edges between them."""
        rng = np.random.default_rng(0)
        chain = Chain.of([(rng.standard_normal((512, 2)), np.zeros(512)), (rng.standard_normal((1, 512)), [0.0])])
        for low, high in ((-3, 3), (-3, 2.3)):
            plane = Plane.of(chain, low, high)
            assert (len(plane), len(plane.edges)) == (1024, 1024)

    def test_equal_and_dead_units_cut_nothing(self) -> None:
        chain = Chain.of([([[1.0, 0.0], [2.0, 0.0], [0.0, 0.0]], [0.0, 0.0, -1.0]), ([[1.0, 1.0, 1.0]], [1.0])])
        plane = Plane.of(chain, -1, 1)
        assert len(plane) == 2
        # f = 3 relu(x) + 1 leaps by |1| |3 - 0| / ((3 + 1) (0 + 1)) at x = 0.
        leap = plane.largest_jump()
        assert leap is not None
        assert (leap.value, leap.point) == (0.75, (0.0, 0.0))

    def test_a_whole_arrangement_has_as_many_regions_as_lines_and_crossings(self) -> None:
        """Lines in general position cut a convex box into 1 + lines + crossings regions: counted apart, by pairs."""
        rng = np.random.default_rng(1)
        weight, bias = rng.standard_normal((60, 2)), rng.standard_normal(60)
        plane = Plane.of(Chain.of([(weight, bias), (rng.standard_normal((1, 60)), [0.1])]), -2, 2)
        corners = np.array([[-2, -2], [2, -2], [2, 2], [-2, 2]]) @ weight.T + bias
        lines = int(((corners.min(axis=0) < 0) & (corners.max(axis=0) > 0)).sum())
        i, j = np.triu_indices(60, 1)
        crossing = np.linalg.solve(
            np.stack([weight[i], weight[j]], axis=1), -np.stack([bias[i], bias[j]], axis=1)[..., None]
        )
        crossings = int((np.abs(crossing[..., 0]) < 2).all(axis=1).sum())
        assert len(plane) == 1 + lines + crossings

    def test_extremes_bound_every_segment_and_are_attained(self) -> None:
        chain = random_chain((2, 12, 12, 1), seed=8)
        plane = Plane.of(chain)
        slopes, jumps, norms = [], [], []
        for p, q in np.random.default_rng(9).uniform(-3, 3, (40, 2, 2)):
            segment = Segment.of(chain, p, q)
            norms.append(segment.norms.max())
            slopes.append(segment.lipschitz().value)
            jumps.append(segment.jumps().max(initial=0))
        rounding = 1 + 2.0**-40
        leap = plane.largest_jump()
        assert leap is not None
        assert max(norms) <= plane.lipschitz_of_score().value * rounding
        assert max(slopes) <= plane.lipschitz().value * rounding <= rounding**2
        assert 0.5 * leap.value < max(jumps) <= leap.value * rounding

        region = plane.lipschitz_of_score().regions[0]
        assert float(plane.check(region)) ** 0.5 == pytest.approx(plane.norms[region], rel=2.0**-40)

    def test_what_is_no_certificate_is_refuted(self) -> None:
        plane = Plane.of(random_chain((2, 5, 1), seed=10))
        edges, same = len(plane.vertices) + len(plane) - 1, np.zeros(len(plane.vertices))
        with pytest.raises(Refuted, match=r"area missing 0\.12"):
            dataclasses.replace(plane, high=plane.high + 1e-2)._check(edges, np.arange(9), same)
        with pytest.raises(Refuted, match=r"V - E \+ F = 2"):
            plane._check(edges - 1, np.arange(9), same)
        with pytest.raises(Refuted, match="twice 1"):
            plane._check(edges, np.array([1, 1]), same)
        with pytest.raises(Refuted, match=r"differ by 0\.01 in f there"):
            plane._check(edges, np.arange(9), same + 0.01)

    def test_a_thin_steep_region_is_refused(self) -> None:
        """2^45 (relu(x) - relu(x - 2^-45)) has slope 2^45 on a strip too thin to find, on whose sides f is 0 and 1."""
        chain = Chain.of([([[1.0, 0.0], [1.0, 0.0]], [0.0, -(2.0**-45)]), ([[2.0**45, -(2.0**45)]], [0.0])])
        with pytest.raises(Refuted, match="differ by 1 in f there, where rounding explains"):
            Plane.of(chain)
        assert Segment.of(chain.exact(), [-1, 0], [1, 0]).norms.max() == 2**45

    def test_a_thin_region_that_values_cannot_show_is_said_to_be_possible(self) -> None:
        """2^10 (relu(x) - relu(x - 2^-60)) has slope 2^10 on the strip, and rises by 2^-50 there: below rounding."""
        chain = Chain.of([([[1.0, 0.0], [1.0, 0.0]], [0.0, -(2.0**-60)]), ([[2.0**10, -(2.0**10)]], [0.0])])
        plane = Plane.of(chain)
        assert not plane.resolved
        assert plane.unresolved.tolist() == [[0, -3], [0, 3]]

    @pytest.mark.parametrize(
        ("layers", "resolved"),
        [
            pytest.param([([[3, 7], [6, 14], [1, 9]], [1, 2, 3]), ([[1, 1, 2]], [1])], True, id="one line twice"),
            pytest.param([([[3, 7], [6, 14], [1, 9]], [1, 2.0 + 2**-51, 3]), ([[1, 1, 2]], [1])], False, id="nearly"),
            pytest.param([([[1, 1], [1, -1], [1, 3]], [0, 0, 0]), ([[1, 1, 2]], [1])], True, id="three in a point"),
            pytest.param([([[1, 1], [1, -1], [1, 3]], [0, 0, 2**-60]), ([[1, 1, 2]], [1])], False, id="nearly three"),
            pytest.param(
                [([[0.3, 0.7], [0.1, 0.9]], [0.1, 0.3]), ([[1, 0], [0, 1]], [0, 0]), ([[1, 1]], [1])], True,
                id="a kink over a kink",
            ),
            pytest.param(
                [([[0.3, 0.7], [0.1, 0.9]], [0.1, 0.3]), ([[1, 0], [0, 1]], [-(2**-60), 0]), ([[1, 1]], [1])], False,
                id="nearly over a kink",
            ),
        ],
    )  # fmt: skip
    def test_what_meets_exactly_is_told_from_what_nearly_does(self, layers: list[Any], resolved: bool) -> None:
        assert Plane.of(Chain.of(layers)).resolved == resolved

    @pytest.mark.parametrize("bias", [1.0, 0.0])
    @pytest.mark.parametrize("widths", [(2, 300, 1), (2, 40, 40, 1)])
    def test_networks_as_they_come_are_resolved(self, widths: tuple[int, ...], bias: float) -> None:
        chain = random_chain(widths, seed=4)
        biases = tuple(bias * b for b in chain.biases)
        assert Plane.of(dataclasses.replace(chain, biases=biases)).resolved

    def test_mistakes_are_told(self) -> None:
        with pytest.raises(UserError, match="2 inputs and low < high, got 3 inputs"):
            Plane.of(random_chain((3, 4, 1), seed=0))
        with pytest.raises(UserError, match="in fractions"):
            Plane.of(random_chain((2, 4, 1), seed=0).exact())
