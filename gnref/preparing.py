"""A copy of a discriminator without what gradient normalization cannot take or makes pointless."""

import re
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gnref.owners import detached_copy

_STATISTICS = (nn.modules.batchnorm._BatchNorm, nn.modules.instancenorm._InstanceNorm)
_KEPT = (nn.LayerNorm, nn.GroupNorm, nn.LocalResponseNorm, nn.RMSNorm)


class Change(NamedTuple):
    """One module, by name and class, what it became, and why."""

    name: str
    kind: str
    became: str
    why: str

    def __str__(self) -> str:
        return f"{self.name} ({self.kind}) {self.became}: {self.why}"


class Prepared(NamedTuple):
    """The copy, what was changed in it, and what was left that costs the replay; printed, one line each."""

    discriminator: nn.Module
    changes: tuple[Change, ...]
    kept: tuple[Change, ...]

    def __str__(self) -> str:
        return "\n".join(map(str, (*self.changes, *self.kept))) or "nothing to change"


def prepare(discriminator: nn.Module) -> Prepared:
    """A copy of a discriminator that gradient normalization can take, with a report of every change.

    Batch and instance normalization become the identity, minibatch statistics constant channels of the same number, and
    a sigmoid that is the last module goes. GroupNorm, LayerNorm and their kin stay: they couple no samples, but are not
    piecewise linear, so the theorem does not hold and the gradient goes by double backward. What a forward pass does
    without a module (a call of `torch.sigmoid`, a mean over the batch) is not seen; `gradient_normalize` refuses or
    warns of it, and `gnref verify` finds it by numbers. Weights stay where they are; `load_state_dict(strict=False)`
    takes an old checkpoint.

    >>> import torch, gnref
    >>> D = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 1))
    >>> prepared = gnref.prepare(D)
    >>> print(prepared)
    1 (BatchNorm1d) is the identity: gradient normalization takes its place
    >>> D = gnref.GradientNormalized(prepared.discriminator)
    """
    if not isinstance(discriminator, nn.Module):
        raise TypeError(f"prepare: expected a torch.nn.Module, got {type(discriminator).__name__}")
    copied = detached_copy(discriminator)
    changes, kept = [], []
    leaves = [module for module in copied.modules() if not list(module.children())]
    for parent_name, parent in list(copied.named_modules()):
        for name, child in list(parent.named_children()):
            path, kind = f"{parent_name}.{name}".lstrip("."), type(child).__name__
            new: nn.Module | None = None
            if isinstance(child, _STATISTICS):
                new, became, why = nn.Identity(), "is the identity", "gradient normalization takes its place"
            elif re.search(r"mini_?batch|mb_?std", kind, re.IGNORECASE):
                new, became = ConstantChannels(child), "appends constant channels"
                why = "a sample's score must not depend on its batch mates"
            elif isinstance(child, nn.Sigmoid) and child is leaves[-1]:
                new, became, why = nn.Identity(), "is the identity", "the losses take f̂ as it is"
            elif isinstance(child, _KEPT):
                kept.append(Change(path, kind, "stays", "it is not piecewise linear, so double backward is needed"))
            if new is not None:
                setattr(parent, name, new.train(child.training))
                changes.append(Change(path, kind, became, why))
    if isinstance(copied, _STATISTICS):
        raise ValueError(f"prepare: expected a discriminator, got a {type(copied).__name__} by itself")
    return Prepared(copied, tuple(changes), tuple(kept))


class ConstantChannels(nn.Module):
    """As many channels of zeros as a minibatch statistic appends: its value where all samples are alike.

    h (N, C, ...) becomes (N, C + k, ...). k is found at the first forward pass, by one pass of the original without
    gradients; then the original is let go.
    """

    def __init__(self, original: nn.Module) -> None:
        super().__init__()
        self.channels: int | None = None
        self._original: list[nn.Module] = [original]  # in a list, so that its parameters are none of this module's

    def forward(self, h: Tensor, *_: Any) -> Tensor:
        """h with the channels appended."""
        if self.channels is None:
            with torch.no_grad(), torch.random.fork_rng():
                self.channels = self._original[0].to(h)(h.detach()).shape[1] - h.shape[1]
            self._original.clear()
        return torch.cat([h, h.new_zeros(len(h), self.channels, *h.shape[2:])], 1) if self.channels else h

    def extra_repr(self) -> str:
        """The number of channels, where it is known."""
        return "" if self.channels is None else str(self.channels)
