"""Sums of what is logged, kept on the device, and the first step at which one of them was no number."""

import math

import torch
from torch import Tensor

from gnref.training.distributed import Processes

QUANTITIES = ("D_loss", "D_real", "D_fake", "D_consistency", "D_penalty", "D_lecam", "G_loss")
LIMIT = 1e6
"""A quantity past this has diverged: the losses and scores of a run that works are far smaller."""

_NEVER = 2**62


class Tally:
    """Nothing here waits for the device but `read` and `first_bad`."""

    def __init__(self, device: torch.device) -> None:
        self.sums = torch.zeros(len(QUANTITIES), dtype=torch.float64, device=device)
        self.counts = [0] * len(QUANTITIES)
        self.bad = torch.full((len(QUANTITIES),), _NEVER, device=device)
        self._index: dict[tuple[int, ...], Tensor] = {}  # made once: a tensor from a list waits for the device

    def add(self, parts: dict[str, Tensor], who: str, step: int) -> None:
        """Count the parts of one update by D or G."""
        chosen = tuple(QUANTITIES.index(f"{who}_{name}") for name in parts)
        if chosen not in self._index:
            self._index[chosen] = torch.tensor(chosen, device=self.sums.device)
        values = torch.stack([part.detach().double() for part in parts.values()])
        self.sums.index_add_(0, self._index[chosen], values)
        wrong = torch.where(values.abs() <= LIMIT, _NEVER, step)  # a NaN compares false
        self.bad.scatter_reduce_(0, self._index[chosen], wrong, "amin")
        for index in chosen:
            self.counts[index] += 1

    def synchronize(self, processes: Processes) -> None:
        """Make every process's sums the mean over processes."""
        self.sums = processes.mean(self.sums)
        self.bad = processes.least(self.bad)

    def read(self) -> dict[str, float]:
        """The means since the last read, by quantity; those that never occurred are left out."""
        means = {
            name: total / count
            for name, total, count in zip(QUANTITIES, self.sums.tolist(), self.counts, strict=True)
            if count
        }
        self.sums.zero_()
        self.counts = [0] * len(QUANTITIES)
        return means

    def first_bad(self) -> tuple[int, str] | None:
        """The first step at which a quantity was not finite or beyond `LIMIT`, and which."""
        step, name = min(zip(self.bad.tolist(), QUANTITIES, strict=True))
        return None if step == _NEVER else (int(step), name)

    def state(self) -> dict[str, object]:
        """For a checkpoint."""
        return {"sums": self.sums, "counts": list(self.counts)}

    def restore(self, state: dict[str, object]) -> None:
        """What `state` gave."""
        sums, counts = state["sums"], state["counts"]
        assert isinstance(sums, Tensor)
        assert isinstance(counts, list)
        self.sums.copy_(sums)
        self.counts = list(counts)


def finite(tensors: list[Tensor]) -> bool:
    """Whether every entry is a finite number: one read of the device for all."""
    return math.isfinite(torch.stack(torch._foreach_norm(tensors, math.inf)).sum().item())
