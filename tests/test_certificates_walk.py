"""Walks: against exact segments and exact max pooling, through every operation with kinks, within a budget."""

from collections.abc import Callable
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from gnref.certificates import Chain, Segment, Walk
from gnref.errors import UserError

Grid = list[list[Fraction]]


def fractions(values: np.ndarray) -> Any:
    return [fractions(row) for row in values] if values.ndim else Fraction(float(values))


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


class Pooled:
    """f(x) = Σ head · relu(maxpool₂(φ(kernel ∗ x))) of a 4 x 4 image, φ(z) = relu(z) - z/4, in plain fractions."""

    def __init__(self, kernel: np.ndarray, head: np.ndarray) -> None:
        self.kernel, self.head = fractions(kernel), fractions(head)

    def run(self, x: Grid, choices: list[int] | None = None) -> tuple[Fraction, list[Fraction], list[int]]:
        """f, what must stay >= 0 for the choices to be the network's own, and the choices: sides and winners."""
        score, kept, made = Fraction(0), [], []
        following = iter(choices or [])

        def choose(best: int) -> int:
            made.append(best if choices is None else next(following))
            return made[-1]

        for kernel, head in zip(self.kernel, self.head, strict=True):
            h: dict[tuple[int, int], Fraction] = {}
            for i, j in product(range(4), repeat=2):
                near = [(a, b) for a, b in product(range(3), repeat=2) if 0 <= i + a - 1 < 4 and 0 <= j + b - 1 < 4]
                z = sum((kernel[a][b] * x[i + a - 1][j + b - 1] for a, b in near), Fraction(0))
                side = choose(1 if z > 0 else -1)
                kept.append(side * z)
                h[i, j] = (z if side > 0 else Fraction(0)) - z / 4
            for i, j in product(range(2), repeat=2):
                window = [h[2 * i + a, 2 * j + b] for a, b in product(range(2), repeat=2)]
                winner = choose(window.index(max(window)))
                kept += [window[winner] - rival for k, rival in enumerate(window) if k != winner]
                side = choose(1 if window[winner] > 0 else -1)
                kept.append(side * window[winner])
                score += head[i][j] * window[winner] if side > 0 else 0
        return score, kept, made

    def pieces(self, p: np.ndarray, q: np.ndarray) -> list[tuple[Fraction, Fraction, Fraction, Fraction]]:
        """(start, end, df/dt, ‖∇f‖²) of every piece: those with equal slope and gradient are one."""
        start, step = fractions(p), fractions(q - p)

        def at(t: Fraction, moved: tuple[int, int] | None = None) -> Grid:
            return [[a + t * d + (moved == (i, j)) for j, (a, d) in enumerate(zip(*rows, strict=True))]
                    for i, rows in enumerate(zip(start, step, strict=True))]  # fmt: skip

        found = []
        t = Fraction(0)
        while t < 1:
            # The choices just behind t, however near the next kink is.
            ahead = Fraction(1, 2**60)
            _, _, choices = self.run(at(t + ahead))
            (f, now, _), (g, then, _) = self.run(at(t + ahead), choices), self.run(at(t + ahead + 1), choices)
            ends = [t + ahead + a / (a - b) for a, b in zip(now, then, strict=True) if b < a]
            end = min([Fraction(1), *(e for e in ends if e > t)])
            v = [self.run(at(t + ahead, (i, j)), choices)[0] - f for i, j in product(range(4), repeat=2)]
            piece = (t, end, g - f, v)
            if found and found[-1][2:] == piece[2:]:
                piece = (found.pop()[0], *piece[1:])
            found.append(piece)
            t = end
        return [(a, b, slope, sum((c * c for c in v), Fraction(0))) for a, b, slope, v in found]


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

    @pytest.mark.parametrize("seed", range(6))
    @pytest.mark.parametrize("start", ["anywhere", "all equal", "a chequer"])
    def test_max_pooling_is_followed_as_fractions_follow_it(self, seed: int, start: str) -> None:
        """Where the image is constant or a chequer at the start, most of its windows are tied there.

        A kink's t is a quotient of sums over 9 products and a difference of two of them, numbers of size 4 over slopes
        that are multiples of 1/64: 2^-40 is some thousand roundings. Slopes and norms are sums of the same kind.
        """
        rng = np.random.default_rng(seed)
        p, q, kernel, head = (rng.integers(-8, 9, shape) / 8 for shape in ((4, 4), (4, 4), (2, 3, 3), (2, 2, 2)))
        if start == "all equal":
            p[:] = 0.5
        elif start == "a chequer":
            p = np.where(np.add.outer(np.arange(4), np.arange(4)) % 2, 0.5, -0.25)
        exact = Pooled(kernel, head).pieces(p, q)

        def score(x: torch.Tensor) -> torch.Tensor:
            h = nn.functional.conv2d(x[:, None], torch.as_tensor(kernel)[:, None], padding=1)
            h = nn.functional.max_pool2d(h.relu() - 0.25 * h, 2)
            return (h.relu() * torch.as_tensor(head)).sum((1, 2, 3))

        walk = Walk.of(score, torch.as_tensor(p), torch.as_tensor(q))
        assert walk.complete
        # A kink of a unit that the score does not depend on cuts the walk and not the oracle.
        ends = np.array([float(end) for _, end, _, _ in exact])
        found = np.searchsorted(ends, (walk.start + walk.end) / 2)
        assert len(np.unique(found)) == len(exact) > 2
        assert np.abs(ends[:-1, None] - walk.end).min(axis=1).max(initial=0) < 2.0**-40
        slopes, squares = (np.array([float(piece[i]) for piece in exact]) for i in (2, 3))
        assert np.abs(walk.slopes - slopes[found]).max() < 2.0**-40
        assert np.abs(walk.norms - np.sqrt(squares)[found]).max() < 2.0**-40

    def test_a_tie_where_the_walk_looks_is_a_kink(self) -> None:
        """max(x, y) at t = 2^-36, the first point looked at, where x = y = 0 and x grows: slope 0, then 1."""
        at = 2.0**-36
        p, q = torch.tensor([[-at, 0.0], [1 - at, 0.0]], dtype=torch.float64)
        for score in (lambda x: x.amax(1), lambda x: nn.functional.max_pool1d(x[:, None], 2)[:, 0, 0]):
            walk = Walk.of(score, p, q)
            assert walk.complete
            assert walk.slopes[[0, -1]].tolist() == [0, 1]
            assert np.abs(walk.end[walk.slopes == 0].max() - at) < 2.0**-45

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
