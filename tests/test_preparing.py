"""What `prepare` changes, what it leaves, and that its result can be normalized."""

import copy

import pytest
import torch
from torch import Tensor, nn

import gnref
from gnref.preparing import ConstantChannels


class MinibatchStd(nn.Module):
    """One channel more."""

    def forward(self, h: Tensor) -> Tensor:
        deviation = h.std(0).mean()
        return torch.cat([h, deviation.expand(len(h), 1, *h.shape[2:])], 1)


class MinibatchDiscrimination(nn.Module):
    """B features more, by a learned tensor."""

    def __init__(self, features: int, more: int) -> None:
        super().__init__()
        self.T = nn.Parameter(torch.randn(features, more * 2))

    def forward(self, h: Tensor) -> Tensor:
        m = (h @ self.T).view(len(h), -1, 2)
        return torch.cat([h, (-(m[None] - m[:, None]).abs().sum(3)).exp().sum(1)], 1)


def image_critic() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 4, 2, 1),
        nn.BatchNorm2d(4),
        nn.LeakyReLU(0.2),
        nn.Sequential(nn.Conv2d(4, 4, 3, 1, 1), nn.InstanceNorm2d(4), nn.GroupNorm(2, 4), nn.Sigmoid()),
        MinibatchStd(),
        nn.Conv2d(5, 1, 4),
        nn.Sigmoid(),
    )


def test_every_change_is_made_in_a_copy_and_reported() -> None:
    D = image_critic()
    before = copy.deepcopy(D)
    prepared = gnref.prepare(D)
    assert [(change.name, change.kind) for change in prepared.changes] == [
        ("1", "BatchNorm2d"),
        ("4", "MinibatchStd"),
        ("6", "Sigmoid"),
        ("3.1", "InstanceNorm2d"),
    ]
    assert [(change.name, change.kind) for change in prepared.kept] == [("3.2", "GroupNorm")]
    assert len(str(prepared).splitlines()) == 5
    assert "3.2 (GroupNorm) stays" in str(prepared)
    assert str(D) == str(before)
    for a, b in zip(D.parameters(), before.parameters(), strict=True):
        assert torch.equal(a, b)
    x = torch.randn(6, 3, 8, 8)
    with pytest.raises(ValueError, match="BatchNorm2d"):
        gnref.gradient_normalize(D, x)
    scores = gnref.gradient_normalize(prepared.discriminator, x)
    assert scores.shape == (6, 1, 1, 1)
    assert torch.equal(scores[:2], gnref.gradient_normalize(prepared.discriminator, x[:2]))


def test_an_old_checkpoint_fits_but_for_what_went() -> None:
    D = image_critic()
    missing, unexpected = gnref.prepare(D).discriminator.load_state_dict(D.state_dict(), strict=False)
    assert not missing
    assert {key.split(".")[0] for key in unexpected} == {"1"}


def test_minibatch_statistics_become_as_many_zeros() -> None:
    torch.manual_seed(0)
    D = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), MinibatchDiscrimination(4, 5), nn.Linear(9, 1))
    x = torch.randn(6, 3)
    prepared = gnref.prepare(D).discriminator
    state = torch.get_rng_state()
    hidden = prepared[:3](x)
    assert torch.equal(state, torch.get_rng_state())
    assert hidden.shape == (6, 9)
    assert torch.equal(hidden[:, 4:], torch.zeros(6, 5))
    assert prepared[2].channels == 5
    assert "5" in repr(prepared[2])
    assert not list(prepared[2].parameters())
    gnref.gradient_normalize(prepared, x, method="replay").sum().backward()
    assert prepared[3].weight.grad is not None


def test_a_statistic_that_appends_nothing_becomes_the_identity() -> None:
    class MiniBatchShift(nn.Module):
        def forward(self, h: Tensor) -> Tensor:
            return h + h.mean(0)

    x = torch.randn(3, 2)
    assert torch.equal(ConstantChannels(MiniBatchShift())(x), x)


def test_nothing_to_change_is_said() -> None:
    prepared = gnref.prepare(nn.Linear(2, 1))
    assert str(prepared) == "nothing to change"
    assert not prepared.changes
    with pytest.raises(ValueError, match="expected a discriminator, got a BatchNorm1d by itself"):
        gnref.prepare(nn.BatchNorm1d(2))


def test_a_discriminator_that_has_run_with_older_spectral_norm_can_be_copied() -> None:
    D = nn.Sequential(nn.utils.spectral_norm(nn.Linear(3, 4)), nn.BatchNorm1d(4), nn.Linear(4, 1))
    D(torch.randn(5, 3)).sum().backward()
    assert gnref.gradient_normalize(gnref.prepare(D).discriminator, torch.randn(5, 3)).shape == (5, 1)


@pytest.mark.parametrize("bad", [None, 5, "D", lambda x: x, nn.Linear])
def test_what_is_no_module_is_refused(bad: object) -> None:
    for function in (gnref.prepare, gnref.register_gradient_normalization):
        with pytest.raises(TypeError, match=r"expected a torch\.nn\.Module, got"):
            function(bad)  # type: ignore[arg-type]
