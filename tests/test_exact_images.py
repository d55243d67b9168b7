"""The exact image networks: NumPy and PyTorch agree with equality, in float32 too, and every kind of case occurs."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings

from gnref.laws import ImageCase
from gnref.laws.images import image_cases as fixed
from gnref.laws.images import many_images
from gnref.strategies import image_cases

DRAWN: list[ImageCase] = []


@settings(
    max_examples=100,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(image_cases())
def _draw(case: ImageCase) -> None:
    DRAWN.append(case)


@pytest.fixture(scope="module", autouse=True)
def drawn() -> list[ImageCase]:
    """A hundred drawn cases, the same in every run."""
    if not DRAWN:
        _draw()
    return DRAWN


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_f_and_its_gradient_are_those_of_pytorch_bit_for_bit(dtype: torch.dtype, drawn: list[ImageCase]) -> None:
    for case in (*fixed(), *many_images(), *drawn):
        case = case.to(dtype)
        assert case.network.significand_bits(case.array, case.chosen) <= 24, case
        x = case.x().requires_grad_()
        scores = case.module()(x, *case.arguments())
        (gradient,) = torch.autograd.grad(scores.sum(), x)
        np.testing.assert_array_equal(scores[:, 0].detach().double().numpy(), case.exact.score)
        np.testing.assert_array_equal(gradient.double().numpy().reshape(case.exact.gradient.shape), case.exact.gradient)


def test_the_pullback_is_the_exact_derivative() -> None:
    """Σ α f + ⟨∇f, w⟩ is affine in one weight within a linear piece, so that a small step's quotient is exact."""
    from dataclasses import replace

    from gnref.exact_images import Convolution

    case = ImageCase(shape=(2, 4, 4), stride=2, pool="average", blocks=0, slope=0.25, samples=2, seed=3)
    alpha, directions = np.array([1.0, -2.0]), np.sign(case.array + 0.5)

    def total(network: object) -> float:
        f, v, _ = network.evaluate(case.array)  # type: ignore[attr-defined]
        return float((alpha * f).sum() + (v * directions).sum())

    gradient = case.network.pullback(case.array, alpha, directions)[0]
    first, *rest = case.network.parts
    assert isinstance(first, Convolution)
    step = 2.0**-20
    for place in np.ndindex(first.weight.shape):
        weight = first.weight.copy()
        weight[place] += step
        moved = replace(case.network, parts=(replace(first, weight=weight), *rest))
        assert (total(moved) - total(case.network)) / step == gradient[place], place


def test_a_network_with_labels_has_a_score_for_each() -> None:
    case = ImageCase(labels=3, samples=8, seed=5)
    x, (y,) = case.x(), case.arguments()
    np.testing.assert_array_equal(case.module()(x, y)[:, 0].detach().numpy(), case.exact.score)
    assert len(set(case.chosen)) > 1


def test_every_kind_occurs(drawn: list[ImageCase]) -> None:
    """Each value of each choice in at least 5 % of cases; f = 0 with g > 0, and |f| above 1000 g, among them."""
    for choice in ("kernel", "stride", "blocks", "pool", "slope", "score", "samples", "layout"):
        seen = Counter(getattr(case, choice) for case in drawn)
        assert min(seen.values()) >= 0.05 * len(drawn), (choice, seen)
    zeros = [case for case in drawn if ((case.exact.score == 0) & (case.exact.squared_norm > 0)).any()]
    far = [case for case in drawn if (np.abs(case.exact.score) > 1000 * case.norm).any()]
    assert len(zeros) >= 0.05 * len(drawn)
    assert len(far) >= 0.05 * len(drawn)
    assert all(case.shape[0] * case.shape[1] * case.shape[2] > 1 for case in drawn)


def test_a_case_pastes() -> None:
    case = ImageCase(shape=(1, 3, 3), layout="strided", dtype=torch.float32).at(np.array([True, False, True, False]))
    assert eval(repr(case)) == case
    assert len(case.array) == 2
    assert not case.x().is_contiguous()
