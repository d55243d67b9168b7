"""Certificates of segments, against worked examples in fractions and against automatic differentiation."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from subjects.chains import random_chain, relu_plus_one
from torch import nn

from gnref.certificates import Chain, Segment
from gnref.errors import UserError
from gnref.exact import ExactNetwork

SHAPES = [(2, 8, 1), (3, 16, 16, 1), (4, 7, 6, 5, 1)]


class TestSegment:
    def test_the_leap_of_relu_plus_one_is_one_half(self) -> None:
        segment = Segment.of(relu_plus_one().exact(), [-1], [3])
        assert segment.t.tolist() == [0, Fraction(1, 4), 1]
        assert segment.values.tolist() == [1, 1, 4]
        assert segment.slopes.tolist() == [0, 4]
        assert segment.jumps().tolist() == [Fraction(1, 2)]
        assert segment.normalized().tolist() == [[1, 1], [Fraction(1, 2), Fraction(4, 5)]]
        assert segment.lipschitz().value == Fraction(1, 4)
        assert segment.lipschitz().pattern == ((True,),)
        leap = segment.largest_jump()
        assert leap is not None
        assert (leap.value, leap.t, leap.point, leap.pattern) == (Fraction(1, 2), Fraction(1, 4), (0,), ((False,),))

    def test_the_jump_of_a_leaky_unit_in_the_plane(self) -> None:
        """f = leaky½(6x + 8y) + 5 leaps from 1/2 to 1/3 at its kink, both norms (5 and 10) rational."""
        chain = Chain.of([([[6.0, 8.0]], [0.0]), ([[1.0]], [5.0])], slope=0.5).exact()
        segment = Segment.of(chain, [-3, -4], [3, 4])
        assert segment.norms.tolist() == [5, 10]
        assert segment.normalized().tolist() == [[Fraction(-4, 5), Fraction(1, 2)], [Fraction(1, 3), Fraction(11, 13)]]
        assert segment.jumps().tolist() == [Fraction(1, 6)]

    @pytest.mark.parametrize("slope", [0.0, 0.25, -1.0])
    @pytest.mark.parametrize("widths", SHAPES)
    def test_exact_arithmetic_telescopes_to_zero_and_float64_follows_it(
        self, widths: tuple[int, ...], slope: float
    ) -> None:
        """In float64 f has error at most 2 Σ(fan-in + 2) eps times its magnitude; so has each end of Σ slope Δt."""
        chain = random_chain(widths, seed=5, slope=slope)
        p = np.random.default_rng(2).standard_normal(widths[0])
        q = -p
        exact, floats = Segment.of(chain.exact(), p, q), Segment.of(chain, p, q)
        assert exact.residual() == 0
        assert not exact.in_kink.any()
        assert len(exact.t) == len(floats.t) > 3
        roundings = 2 * sum(w + 2 for w in widths) * 2.0**-53
        bound = roundings * chain.magnitude(np.abs(p)[None] + np.abs(q)[None])[0]
        assert floats.residual() <= bound
        assert np.abs(exact.values.astype(float) - floats.values).max() <= bound

    @pytest.mark.parametrize("widths", SHAPES)
    def test_the_network_is_affine_on_every_piece(self, widths: tuple[int, ...]) -> None:
        chain = random_chain(widths, seed=3).exact()
        p, q = np.random.default_rng(4).standard_normal((2, widths[0]))
        segment = Segment.of(chain, p, q)
        thirds = (2 * segment.t[:-1] + segment.t[1:]) / 3
        x = segment.p + thirds[:, None] * (segment.q - segment.p)
        assert (chain(x) == (2 * segment.values[:-1] + segment.values[1:]) / 3).all()

    def test_slopes_and_norms_are_those_of_automatic_differentiation(self) -> None:
        torch.manual_seed(0)
        module = nn.Sequential(
            nn.Linear(3, 16), nn.LeakyReLU(0.2), nn.Linear(16, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1)
        )
        module = module.double()
        p, q = np.random.default_rng(5).standard_normal((2, 3))
        segment = Segment.of(Chain.from_module(module), p, q)
        x = torch.tensor(segment.p + ((segment.t[:-1] + segment.t[1:]) / 2)[:, None] * (segment.q - segment.p))
        (v,) = torch.autograd.grad(module(x.requires_grad_()).sum(), x)
        # Each gradient is a product of three matrices: at most 3 · 18 roundings of numbers of size ‖v‖ · 16.
        tolerance = 1000 * 2.0**-53 * float(v.abs().max()) * 16
        assert np.abs(segment.norms - v.norm(dim=1).numpy()).max() <= tolerance
        assert np.abs(segment.slopes - (v.numpy() @ (q - p))).max() <= tolerance * np.abs(q - p).sum()

    def test_no_slope_is_above_one_and_slopes_and_jumps_bound_the_difference(self) -> None:
        chain = random_chain((3, 16, 16, 1), seed=6).exact()
        segment = Segment.of(chain, [-2, 1, 0], [2, -1, Fraction(1, 2)])
        assert 0 < segment.lipschitz().value <= 1
        ends = segment.normalized()
        pieces = np.abs(ends[:, 1] - ends[:, 0]).sum()
        assert abs(ends[-1, 1] - ends[0, 0]) <= pieces + segment.jumps().sum()
        assert pieces <= segment.lipschitz().value * segment.length
        # A jump is the difference of the two limits; the roots are rounded down by at most 2^-128 of them.
        difference = np.abs(ends[1:, 0] - ends[:-1, 1]) - segment.jumps()
        assert max(abs(d) for d in difference) <= Fraction(1, 2**125)

    def test_the_slope_is_largest_where_the_score_is_zero(self) -> None:
        """f = 2x - 1 over [0, 1]: f̂ has slope (2 / (2 + |f|))², which is 1 in the middle and 4/9 at the ends."""
        affine = Chain.of([([[2.0]], [-1.0])]).exact()
        assert Segment.of(affine, [0], [1]).lipschitz().value == 1
        assert Segment.of(affine, [1], [3]).lipschitz().value == Fraction(4, 9)

    def test_a_segment_inside_a_kink_says_so(self) -> None:
        chain = Chain.of([([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0]), ([[1.0, 1.0]], [1.0])])
        assert Segment.of(chain, [0, -1], [0, 1]).in_kink.all()
        assert not Segment.of(chain, [1, -1], [1, 1]).in_kink.any()

    def test_an_exact_network_is_taken_as_it_is(self) -> None:
        network = ExactNetwork(layers=((((1.0, 2.0), 0.5), ((-1.0, 1.0), -0.5)),), head=((1.0, -2.0), 0.25), slope=0.25)
        chain = Chain.of(network.matrices(), network.slope).exact()
        points = np.array([[1, 2], [-3, 0], [0, 0]])
        assert chain(points).tolist() == [network.exactly([Fraction(int(c)) for c in x]).score for x in points]

    def test_mistakes_are_told(self) -> None:
        with pytest.raises(UserError, match="two different points"):
            Segment.of(relu_plus_one(), [1], [1])
        with pytest.raises(UserError, match="chain into one output"):
            Chain.of([([[1.0]], [0.0]), ([[1.0, 2.0]], [1.0])])
        with pytest.raises(UserError, match="got Tanh as '1'; use Walk"):
            Chain.from_module(nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)))

        class Residual(nn.Sequential):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return super().forward(x) + x

        with pytest.raises(UserError, match="not the plain chain"):
            Chain.from_module(Residual(nn.Linear(1, 3), nn.ReLU(), nn.Linear(3, 1)))
