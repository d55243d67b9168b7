"""Normalizing in place, and removing it: methods, attributes, checkpoints, copies, hooks."""

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

import gnref


class Critic(nn.Module):
    """With a method that trains it, as trainers call it."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body, self.head = nn.Linear(3, 8).double(), nn.Linear(8, 1).double()
        self.name = "critic"

    def forward(self, input: Tensor, shift: float = 0.0) -> Tensor:
        """f."""
        return self.head(torch.relu(self.body(input))) + shift

    def train_step(self, real: Tensor, fake: Tensor, optimizer: torch.optim.Optimizer) -> Tensor:
        optimizer.zero_grad()
        loss = gnref.hinge.discriminator(self(real), self.forward(input=fake))
        loss.backward()
        optimizer.step()
        return loss.detach()


def points(seed: int = 1) -> Tensor:
    return torch.randn(6, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_registered_discriminator_is_what_the_wrapper_is() -> None:
    D, x = Critic(), points()
    expected = gnref.GradientNormalized(Critic(), zeta="one")(x, shift=2.0)
    assert gnref.register_gradient_normalization(D, zeta="one") is D
    assert torch.equal(D(x, shift=2.0), expected)
    assert torch.equal(D(input=x, shift=2.0), expected)
    assert torch.equal(D.forward(x, 2.0), expected)
    assert isinstance(D, Critic)
    assert D.name == "critic"
    assert D.state_dict().keys() == Critic().state_dict().keys()
    assert "Critic" in repr(D)


def test_a_trainer_that_calls_its_methods_goes_on_working() -> None:
    first, second = Critic(), Critic()
    gnref.register_gradient_normalization(first)
    wrapped = gnref.GradientNormalized(second)
    one = torch.optim.SGD(first.parameters(), 0.5)
    loss = first.train_step(points(), points(2), one)
    other = torch.optim.SGD(second.parameters(), 0.5)
    theirs = gnref.hinge.discriminator(wrapped(points()), wrapped(points(2)))
    theirs.backward()
    other.step()
    assert torch.equal(loss, theirs.detach())
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)


def test_removed_it_is_as_before() -> None:
    D, x = Critic(), points()
    plain, attributes = D(x), set(vars(D))
    gnref.remove_gradient_normalization(gnref.register_gradient_normalization(D))
    assert type(D) is Critic
    assert torch.equal(D(x), plain)
    assert set(vars(D)) == attributes
    with pytest.raises(ValueError, match="got a Critic that is not"):
        gnref.remove_gradient_normalization(D)


def test_checkpoints_go_both_ways() -> None:
    plain, D = Critic().requires_grad_(False), gnref.register_gradient_normalization(Critic())
    for parameter in plain.parameters():
        parameter.mul_(2)
    D.load_state_dict(plain.state_dict())
    Critic().load_state_dict(D.state_dict())
    assert torch.equal(D(points()), gnref.gradient_normalize(plain, points()))


def test_a_plain_checkpoint_loads_into_the_wrapper() -> None:
    plain, wrapper = Critic(), gnref.GradientNormalized(Critic())
    with torch.no_grad():
        plain.head.bias.fill_(7)
    wrapper.load_state_dict(plain.state_dict())
    assert wrapper.discriminator.head.bias.item() == 7
    wrapper.load_state_dict(wrapper.state_dict())
    nested = nn.ModuleDict({"D": gnref.GradientNormalized(Critic()), "other": nn.Linear(1, 1)})
    state = {f"D.{key}": value for key, value in plain.state_dict().items()}
    state |= {f"other.{key}": value for key, value in nested["other"].state_dict().items()}
    nested.load_state_dict(state)
    assert nested["D"].discriminator.head.bias.item() == 7
    with pytest.raises(RuntimeError, match=r"Missing key.*discriminator\.head"):
        wrapper.load_state_dict({"body.weight": plain.body.weight})


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda D: pickle.loads(pickle.dumps(D))], ids=["copy", "pickle"])
def test_copies_are_normalized_and_their_own(copied: Any) -> None:
    D = gnref.register_gradient_normalization(Critic(), zeta="one")
    expected = D(points()).detach()
    D(points()).sum().backward()
    twin = copied(D)
    with torch.no_grad():
        D.head.weight.mul_(3)
    assert torch.equal(twin(points()), expected)
    assert not torch.equal(D(points()), expected)
    assert type(gnref.remove_gradient_normalization(twin)) is Critic


def test_its_own_hooks_see_the_normalized_score_and_inner_hooks_the_plain_one() -> None:
    D, seen = Critic(), {}
    D.register_forward_pre_hook(lambda module, args: seen.update(input=args[0]))
    D.register_forward_hook(lambda module, args, output: seen.update(own=output))
    D.head.register_forward_hook(lambda module, args, output: seen.update(inner=output))
    gnref.register_gradient_normalization(D)
    x = points()
    result = D(x)
    assert seen["input"] is x
    assert seen["own"] is result
    assert torch.equal(seen["inner"], Critic()(x))


def test_after_spectral_norm_and_removed_in_the_reverse_order() -> None:
    """A linear D of spectral norm 1: ‖∇f‖ = 1, so f̂ = f/(1 + |f|), within the power iteration's error."""
    torch.manual_seed(0)
    D = spectral_norm(nn.Linear(3, 1).double()).eval()
    gnref.register_gradient_normalization(D)
    f = torch.nn.functional.linear(points(), D.weight, D.bias)
    norm = D.weight.norm()
    assert D(points()).sub(f / (norm + f.abs())).abs().max() <= 8 * 2**-53
    gnref.remove_gradient_normalization(D)
    torch.nn.utils.parametrize.remove_parametrizations(D, "weight")
    assert type(D) is nn.Linear


def test_what_cannot_be_registered_says_what_to_do() -> None:
    D = gnref.register_gradient_normalization(Critic())
    with pytest.raises(ValueError, match=r"registered; call gnref.remove_gradient_normalization\(D\) first"):
        gnref.register_gradient_normalization(D)
    gnref.register_gradient_normalization(gnref.remove_gradient_normalization(D))
    own = Critic()
    own.forward = lambda x: x.sum(1)  # type: ignore[method-assign, assignment]
    with pytest.raises(ValueError, match=r"got a forward of its own; wrap it: gnref.GradientNormalized\(D\)"):
        gnref.register_gradient_normalization(own)
    assert gnref.GradientNormalized(own)(points()).shape == (6,)


def test_batch_norm_is_refused_by_name_here_too() -> None:
    D = gnref.register_gradient_normalization(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)))
    with pytest.raises(ValueError, match=r"1 \(BatchNorm1d in training mode\)"):
        D(points().float())
    D.eval()
    assert D(points().float()).shape == (6, 1)


def test_a_coupling_in_a_registered_discriminator_names_its_module() -> None:
    class Mean(nn.Module):
        def forward(self, h: Tensor) -> Tensor:
            return h - h.mean(0)

    D = gnref.register_gradient_normalization(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), Mean(), nn.Linear(4, 1)))
    with pytest.raises(ValueError, match=r"MeanBackward1 in 2 \(Mean\) couples"):
        D(points().float())
