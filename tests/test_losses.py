"""Losses and penalties against their formulas, written out with math."""

import math

import pytest
import torch
from torch import nn

import gnref
from gnref.losses import relativistic

REAL, FAKE = [0.5, -0.25, 1.5], [-0.5, 0.75, -2.0]


def sigmoid(s: float) -> float:
    return 1 / (1 + math.exp(-s))


def mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


FORMULAS = {
    gnref.hinge: (
        lambda real, fake: mean([max(0, 1 - r) for r in real]) + mean([max(0, 1 + f) for f in fake]),
        lambda fake: -mean(fake),
    ),
    gnref.wasserstein: (lambda real, fake: mean(fake) - mean(real), lambda fake: -mean(fake)),
    gnref.non_saturating: (
        lambda real, fake: -mean([math.log(sigmoid(r)) for r in real]) - mean([math.log(1 - sigmoid(f)) for f in fake]),
        lambda fake: -mean([math.log(sigmoid(f)) for f in fake]),
    ),
    gnref.non_saturating_without_sigmoid: (
        lambda real, fake: -mean([math.log((1 + r) / 2) for r in real]) - mean([math.log((1 - f) / 2) for f in fake]),
        lambda fake: -mean([math.log((1 + f) / 2) for f in fake]),
    ),
}


@pytest.mark.parametrize("loss", FORMULAS, ids=lambda loss: loss.name)
@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_the_loss_is_its_formula(loss: gnref.Loss, shape: tuple[int, ...]) -> None:
    """A handful of additions of numbers below 3 and one libm call each: 16 roundings of a value below 4."""
    inside = loss is gnref.non_saturating_without_sigmoid
    real, fake = ([r / 2 for r in REAL], [f / 2.5 for f in FAKE]) if inside else (REAL, FAKE)
    discriminator, generator = FORMULAS[loss]
    tensors = [torch.tensor(values, dtype=torch.float64).view(shape) for values in (real, fake)]
    assert abs(loss.discriminator(*tensors).item() - discriminator(real, fake)) <= 16 * 4 * 2**-53
    assert abs(loss.generator(tensors[1]).item() - generator(fake)) <= 16 * 4 * 2**-53


def test_a_real_and_a_fake_batch_may_differ_in_size() -> None:
    assert gnref.hinge.discriminator(torch.zeros(3), torch.zeros(5)).item() == 2


@pytest.mark.parametrize("loss", [*FORMULAS, relativistic], ids=lambda loss: loss.name)
@pytest.mark.parametrize("bad", [None, "x", [0.5], 1.0])
def test_scores_that_are_no_tensor_are_refused_by_the_losss_name(loss: gnref.Loss, bad: object) -> None:
    scores = torch.zeros(2)
    for call in (lambda: loss.discriminator(scores, bad), lambda: loss.discriminator(bad, scores),
                 lambda: loss.generator(bad, scores)):  # fmt: skip
        with pytest.raises(TypeError, match=f"{loss.name}: expected scores as a tensor, got {type(bad).__name__}"):
            call()
    if loss.paired:
        with pytest.raises(TypeError, match="expected scores as a tensor, got NoneType"):
            loss.generator(scores)


def test_without_sigmoid_clamps_the_logarithm_and_refuses_scores_outside_its_domain() -> None:
    assert gnref.non_saturating_without_sigmoid.generator(torch.tensor([-1.0])).item() == 100
    with pytest.raises(RuntimeError):
        gnref.non_saturating_without_sigmoid.generator(torch.tensor([1.5]))


def test_the_log_form_of_f_over_its_gradient_is_the_loss_without_sigmoid() -> None:
    """Values and parameter gradients of a network, in float64: a few hundred roundings of numbers of size 1."""
    torch.manual_seed(0)
    D = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1)).double()
    real, fake = torch.randn(2, 5, 3, dtype=torch.float64)
    found = []
    for loss, zeta in ((gnref.non_saturating_without_sigmoid, "abs"), (gnref.non_saturating_of_ratio, "zero")):
        scores = [gnref.gradient_normalize(D, x, zeta=zeta) for x in (real, fake)]  # type: ignore[arg-type]
        value = loss.discriminator(*scores) + 2 * loss.generator(scores[1])
        found.append(torch.cat([value.view(1), *(g.flatten() for g in torch.autograd.grad(value, D.parameters()))]))
    assert (found[0] - found[1]).abs().max() <= 2.0**-42


def test_the_log_form_is_right_where_a_score_rounds_to_minus_one() -> None:
    """f = x - 4e7 in float32, where f̂ is -1: the exact gradient in f is -1/(1 + |t|)."""
    D = nn.Linear(1, 1)
    D.weight.data.fill_(1)
    D.bias.data.fill_(-4e7)
    x = torch.zeros(1, 1)
    loss = gnref.non_saturating_without_sigmoid.generator(gnref.gradient_normalize(D, x))
    (rounded,) = torch.autograd.grad(loss, D.bias)
    loss = gnref.non_saturating_of_ratio.generator(gnref.gradient_normalize(D, x, zeta="zero"))
    (right,) = torch.autograd.grad(loss, D.bias)
    assert abs(right.item() * (1 + 4e7) + 1) < 2**-20
    assert rounded.item() / right.item() > 1e4  # -3.1e-4 for -2.5e-8


def linear(*weights: float) -> nn.Module:
    D = nn.Linear(len(weights), 1).double()
    D.weight.data.copy_(torch.tensor([weights]))
    return D


def test_penalties_of_a_linear_discriminator() -> None:
    """‖∇D‖ = ‖(3, 4)‖ = 5 at every point: 1-GP is 16 and 0-GP 25; d(‖w‖ - 1)²/dw = 2(‖w‖ - 1) w/‖w‖."""
    D, x = linear(3.0, 4.0), torch.zeros(6, 2, dtype=torch.float64)
    penalty = gnref.gradient_penalty(D, x, x + 1)
    assert penalty.item() == 16
    assert gnref.zero_gradient_penalty(D, x, x + 1).item() == 25
    penalty.backward()
    expected = torch.tensor([[8 * 3 / 5, 8 * 4 / 5]], dtype=torch.float64)
    assert D.weight.grad.sub(expected).abs().max() <= 8 * 2**-53 * 8


def test_the_penalty_is_taken_between_each_pair() -> None:
    """‖∇ max(0, x)·x‖... with f = x²/2 the gradient is the point itself: it must lie on its own pair's segment."""
    seen = []

    def square(x: torch.Tensor) -> torch.Tensor:
        seen.append(x.detach().clone())
        return (x**2 / 2).flatten(1).sum(1)

    real = torch.arange(8.0).view(8, 1, 1, 1).expand(8, 1, 2, 2)
    fake = real + 0.5
    generator = torch.Generator().manual_seed(0)
    value = gnref.zero_gradient_penalty(square, real, fake, generator=generator)
    (x,) = seen
    assert ((x >= real) & (x <= fake)).all()
    share = (x - real).flatten(1)
    assert (share == share[:, :1]).all()  # one ε for a sample, not one for a pixel
    assert share[:, 0].unique().numel() == 8
    # Each term is a sum of four squares below 64: 8 roundings of the total.
    assert value.item() == pytest.approx(x.square().flatten(1).sum(1).mean().item(), rel=8 * 2**-24)


def test_a_generator_makes_the_penalty_repeatable_and_leaves_the_global_state() -> None:
    D = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))
    x, state = torch.randn(6, 2), torch.get_rng_state()
    values = {gnref.gradient_penalty(D, x, -x, generator=torch.Generator().manual_seed(1)).item() for _ in range(3)}
    assert len(values) == 1
    assert torch.equal(torch.get_rng_state(), state)


def test_pairs_of_different_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"one shape, got \(6, 2\) and \(5, 2\)"):
        gnref.gradient_penalty(linear(1.0, 1.0), torch.zeros(6, 2), torch.zeros(5, 2))


def test_consistency_is_the_mean_squared_difference() -> None:
    assert gnref.consistency(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 2.0])).item() == 2
