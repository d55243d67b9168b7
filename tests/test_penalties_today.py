"""What other methods of today add to D's loss, against values worked out by hand."""

import pytest
import torch
from torch import nn

from gnref import losses, penalties
from gnref.data.diffaugment import differentiable_augmentation


class _Bowl(nn.Module):
    """f(x) = a ‖x‖² / 2, so that ∇f = a x."""

    def __init__(self, a: float) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor(a, dtype=torch.float64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.a * x.square().sum(1) / 2


REAL = torch.tensor([[3.0, 4.0], [0.0, 1.0]], dtype=torch.float64)
FAKE = torch.tensor([[2.0, 0.0], [0.0, 0.0]], dtype=torch.float64)


def test_r1_and_r2_of_a_bowl() -> None:
    """a = 2: ‖∇f‖² is 100 and 4 at the reals, 16 and 0 at the fakes; d/da of a² s is 2 a s."""
    bowl = _Bowl(2.0)
    r1 = penalties.real_gradient_penalty(bowl, REAL)
    both = penalties.both_gradient_penalty(bowl, torch.cat([REAL, FAKE]))
    assert r1.item() == 52 / 2
    assert both.item() == 52 / 2 + 8 / 2
    (slope,) = torch.autograd.grad(both, bowl.a)
    assert slope.item() == 2 * 30 / 2
    assert not REAL.requires_grad


def test_relativistic_loss_is_of_pairs_and_blind_to_the_level() -> None:
    """softplus of -(D(x) - D(G(z))), pair by pair: a constant added to all scores changes nothing."""
    real, fake = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 0.0])
    expected = (torch.log1p(torch.exp(torch.tensor(-2.0))) + torch.log(torch.tensor(2.0))) / 2
    assert losses.relativistic.discriminator(real, fake).item() == pytest.approx(expected.item(), rel=1e-6)
    assert losses.relativistic.generator(fake, real).item() == pytest.approx(expected.item() + 1, rel=1e-6)
    assert losses.relativistic.discriminator(real + 8, fake + 8) == losses.relativistic.discriminator(real, fake)
    assert losses.relativistic.paired
    assert not losses.hinge.paired


def test_lecam_moves_its_anchors_and_then_compares() -> None:
    """Means 2 and -1 from anchors 0, decay 1/2: α = 1 and -1/2; reals 1, 3: 1.5², 3.5²; fakes -2, 0: 3², 1²."""
    lecam = penalties.LeCam(decay=0.5)
    value = lecam(torch.tensor([1.0, 3.0]), torch.tensor([-2.0, 0.0]))
    assert lecam.anchors.flatten().tolist() == [1.0, -0.5]
    assert value.item() == (1.5**2 + 3.5**2) / 2 + (3**2 + 1**2) / 2
    lecam.eval()
    lecam(torch.tensor([9.0, 9.0]), torch.tensor([9.0, 9.0]))
    assert lecam.anchors.flatten().tolist() == [1.0, -0.5]


def test_lecam_is_zero_where_the_sides_have_changed_places() -> None:
    lecam = penalties.LeCam(decay=0.0)
    assert lecam(torch.tensor([-1.0, -1.0]), torch.tensor([1.0, 1.0])).item() == 0


def test_lecam_of_replicas_is_each_one_s_own() -> None:
    lecam, first = penalties.LeCam(2, decay=0.5), penalties.LeCam(decay=0.5)
    real, fake = torch.tensor([1.0, 50.0, 3.0, 70.0]), torch.tensor([-2.0, 5.0, 0.0, 8.0])
    second = penalties.LeCam(decay=0.5)
    alone = first(real[::2], fake[::2]) + second(real[1::2], fake[1::2])
    assert lecam(real, fake).item() == alone.item() / 2


NEUTRAL = [0.5, 0.5, 0.5, 0.5, 0.5]  # brightness, saturation, contrast, and the shifts' middle


def test_diffaugment_with_neutral_draws_only_cuts() -> None:
    """Draws of 1/2 leave colours and place; the cut is half the side around (row, column)."""
    x = torch.rand(1, 3, 8, 8, dtype=torch.float64) + 1
    t = differentiable_augmentation(x, torch.tensor([[*NEUTRAL, 0.5, 0.99]], dtype=torch.float64))
    expected = x.clone()
    expected[:, :, 2:6, 6:] = 0
    assert (t - expected).abs().max() < 1e-15


def test_diffaugment_moves_by_an_eighth_at_most_and_fills_with_grey() -> None:
    x = torch.rand(2, 3, 8, 8, dtype=torch.float64) + 1
    draws = torch.tensor([[0.5, 0.5, 0.5, 0.0, 0.999, 0.0, 0.0]] * 2, dtype=torch.float64)
    t = differentiable_augmentation(x, draws)
    moved = torch.zeros_like(x)
    moved[:, :, :7, 1:] = x[:, :, 1:, :7]
    moved[:, :, :2, :2] = 0  # a centre in the corner: a quarter of the cut is inside
    assert (t - moved).abs().max() < 1e-15


def test_diffaugment_is_differentiable_and_of_each_image_alone() -> None:
    torch.manual_seed(0)
    x, draws = torch.rand(4, 3, 8, 8, dtype=torch.float64, requires_grad=True), torch.rand(4, 7, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: differentiable_augmentation(x, draws), x)
    whole = differentiable_augmentation(x, draws)
    assert whole[2:3].equal(differentiable_augmentation(x[2:3], draws[2:3]))
