"""Certificates against worked examples in fractions, against sampling, and against a checker that shares no code."""

import dataclasses
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from gnref.certificates import Chain, Plane, Refuted, Segment, Walk, checker
from gnref.errors import UserError
from gnref.exact import ExactNetwork

SHAPES = [(2, 8, 1), (3, 16, 16, 1), (4, 7, 6, 5, 1)]


def random_chain(widths: tuple[int, ...], seed: int, slope: float = 0.0) -> Chain:
    rng = np.random.default_rng(seed)
    return Chain.of([(rng.standard_normal((b, a)), rng.standard_normal(b)) for a, b in pairwise(widths)], slope)


def relu_plus_one() -> Chain:
    """f = relu(x) + 1, whose f̂ is 1 for x <= 0 and (x + 1) / (x + 2) for x > 0: it leaps from 1 to 1/2."""
    return Chain.of([([[1.0]], [0.0]), ([[1.0]], [1.0])])


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

    @pytest.mark.parametrize("slope", [0.0, 0.25, -1.0])
    def test_the_checker_accepts_what_is_right_and_refutes_what_is_not(self, slope: float) -> None:
        segment = Segment.of(random_chain((3, 6, 5, 1), seed=7, slope=slope).exact(), [-2, 1, 0], [2, -1, 1])
        segment.check()
        tiny = Fraction(1, 10**40)
        for field in ("t", "values", "slopes", "norms_squared"):
            wrong = getattr(segment, field).copy()
            wrong[1] += tiny
            with pytest.raises(Refuted):
                dataclasses.replace(segment, **{field: wrong}).check()
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

    def test_the_checker_refutes_a_wrong_maximum(self, monkeypatch: pytest.MonkeyPatch) -> None:
        segment = Segment.of(random_chain((3, 6, 5, 1), seed=7).exact(), [-2, 1, 0], [2, -1, 1])
        low = dataclasses.replace(segment.lipschitz(), value=segment.lipschitz().value * Fraction(999, 1000))
        monkeypatch.setattr(Segment, "lipschitz", lambda self: low)
        with pytest.raises(Refuted, match="largest slope"):
            segment.check()

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
        with pytest.raises(Refuted, match=r"area missing 0\.12"):
            dataclasses.replace(plane, high=plane.high + 1e-2)._check(
                len(plane.vertices) + len(plane) - 1, np.arange(9)
            )
        with pytest.raises(Refuted, match=r"V - E \+ F = 2"):
            plane._check(len(plane.vertices) + len(plane) - 2, np.arange(9))
        with pytest.raises(Refuted, match="twice 1"):
            plane._check(len(plane.vertices) + len(plane) - 1, np.array([1, 1]))

    def test_mistakes_are_told(self) -> None:
        with pytest.raises(UserError, match="2 inputs and low < high, got 3 inputs"):
            Plane.of(random_chain((3, 4, 1), seed=0))
        with pytest.raises(UserError, match="in fractions"):
            Plane.of(random_chain((2, 4, 1), seed=0).exact())


class MaxMin(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = x.chunk(2, dim=1)
        return torch.cat([torch.maximum(a, b), torch.minimum(a, b)], dim=1)


class WhereLeaky(nn.Module):
    """LeakyReLU as a comparison and a choice."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.where(x > 0, x, 0.3 * x)


class Lambda(nn.Module):
    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)


KINKED: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "relu in place": lambda: nn.ReLU(inplace=True),
    "leaky": lambda: nn.LeakyReLU(0.2),
    "prelu": lambda: nn.PReLU(6),
    "relu6": nn.ReLU6,
    "hardtanh": lambda: nn.Hardtanh(-0.5, 0.75),
    "hardtanh's own bounds": nn.Hardtanh,
    "maxmin": MaxMin,
    "where": WhereLeaky,
    "abs": lambda: Lambda(torch.abs),
    "method": lambda: Lambda(lambda x: x.relu()),
    "clamp": lambda: Lambda(lambda x: x.clamp(-0.5, 0.25)),
    "clamp, one side": lambda: Lambda(lambda x: x.clamp(max=0.25)),
    "clamp_min": lambda: Lambda(lambda x: x.clamp_min(-0.1)),
    "threshold": lambda: nn.Threshold(0.25, 0.25),
    "max over channels": lambda: Lambda(lambda x: x - x.amax(dim=1, keepdim=True)),
    "max, values": lambda: Lambda(lambda x: x - x.max(1, keepdim=True).values),
    "max pooling": lambda: nn.Sequential(nn.MaxPool2d(2), nn.Upsample(scale_factor=2)),
    "padded max pooling": lambda: nn.MaxPool2d(3, stride=1, padding=1),
    "adaptive max pooling": lambda: nn.Sequential(nn.AdaptiveMaxPool2d(2), nn.Upsample(scale_factor=2)),
    "average pooling": lambda: nn.Sequential(nn.ReLU(), nn.AvgPool2d(2), nn.Upsample(scale_factor=2)),
    "batch norm, evaluation": lambda: nn.Sequential(nn.BatchNorm2d(6).eval(), nn.ReLU()),
}


class TestWalk:
    def test_it_finds_what_the_exact_segment_finds(self) -> None:
        torch.manual_seed(0)
        module = nn.Sequential(
            nn.Linear(5, 24), nn.LeakyReLU(0.1), nn.Linear(24, 24), nn.LeakyReLU(0.1), nn.Linear(24, 1)
        )
        module = module.double()
        p, q = 2 * torch.randn(2, 5, dtype=torch.float64)
        walk, segment = Walk.of(module, p, q), Segment.of(Chain.from_module(module), p.numpy(), q.numpy())
        assert walk.complete
        assert len(walk) == len(segment.slopes) > 15
        # A kink's t is a quotient of pre-activations: a few hundred roundings of them over slopes of the same size.
        assert np.abs(walk.end - segment.t[1:]).max() < 2.0**-40
        assert walk.residual() < 2.0**-45
        assert walk.lipschitz()[0] == pytest.approx(segment.lipschitz().value, rel=2.0**-40)
        leap = segment.largest_jump()
        assert leap is not None
        assert walk.largest_jump() == pytest.approx((leap.value, leap.t), rel=2.0**-36)
        assert np.abs(walk.norms - segment.norms).max() < 2.0**-45

    @pytest.mark.parametrize("name", KINKED)
    def test_every_kinked_operation_is_followed(self, name: str) -> None:
        """All pieces join, and the slopes add up: |residual| is some thousand roundings of numbers of size 1."""
        torch.manual_seed(1)
        first, second = nn.Conv2d(2, 6, 3, padding=1), nn.Conv2d(6, 2, 3, padding=1)
        module = nn.Sequential(first, KINKED[name](), second, nn.ReLU(), nn.Flatten(), nn.Linear(32, 1)).double()
        p, q = torch.randn(2, 2, 4, 4, dtype=torch.float64)
        walk = Walk.of(module, p, q)
        assert walk.complete
        assert len(walk) > 20
        assert walk.residual() < 1e-12
        assert 0 < walk.lipschitz()[0] <= 1

    def test_a_budget_is_kept_and_the_share_covered_is_told(self) -> None:
        torch.manual_seed(2)
        module = nn.Sequential(nn.Linear(5, 64), nn.ReLU(), nn.Linear(64, 1)).double()
        p, q = 2 * torch.randn(2, 5, dtype=torch.float64)
        told: list[int] = []
        few, all_of_it = Walk.of(module, p, q, regions=10, progress=told.append), Walk.of(module, p, q)
        assert len(few) == told[-1] == 10
        assert not few.complete
        assert 0 < few.covered < 1
        assert all_of_it.covered == pytest.approx(1, abs=2.0**-40)
        assert few.residual() <= 2.0**-45

    def test_what_is_not_piecewise_linear_does_not_join(self) -> None:
        torch.manual_seed(3)
        module = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1)).double()
        p, q = 2 * torch.randn(2, 5, dtype=torch.float64)
        assert Walk.of(module, p, q).residual() > 1e-3

    def test_mistakes_are_told(self) -> None:
        p, q = torch.randn(2, 5, dtype=torch.float64)
        with pytest.raises(UserError, match=r"two different float64 points of one shape, got torch\.float32"):
            Walk.of(nn.Linear(5, 1), p.float(), q.float())
        with pytest.raises(UserError, match="couples its samples"):
            Walk.of(lambda x: x.sum(1) - x.max(), p, q)
        with pytest.raises(UserError, match="max_pool1d with a dilation"):
            Walk.of(lambda x: nn.functional.max_pool1d(x[:, None], 2, dilation=2).sum((1, 2)), p, q)
