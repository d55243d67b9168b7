"""The processes of one run: one alone, or those that `torchrun` starts."""

import inspect
import os
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.nn.parallel import DistributedDataParallel

from gnref.devices import device_named
from gnref.errors import UserError


@dataclass(frozen=True)
class Processes:
    """This process among those that train together, and the device it computes on."""

    device: torch.device
    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files and messages."""
        return self.rank == 0

    @property
    def share(self) -> tuple[int, int]:
        """(rank, count): which equal part of every batch is this process's."""
        return self.rank, self.count

    def part(self, joined: Tensor) -> Tensor:
        """This process's equal part of a batch that every process has drawn alike."""
        length = len(joined) // self.count
        return joined[self.rank * length : (self.rank + 1) * length]

    def mean(self, x: Tensor) -> Tensor:
        """The mean of x over the processes."""
        return x if self.count == 1 else self._reduced(x, dist.ReduceOp.SUM) / self.count

    def least(self, x: Tensor) -> Tensor:
        """The minimum of x over the processes."""
        return x if self.count == 1 else self._reduced(x, dist.ReduceOp.MIN)

    def any(self, here: bool) -> bool:
        """Whether it holds in any process; all get the same answer."""
        if self.count == 1:
            return here
        return bool(self._reduced(torch.tensor(float(here), device=self.device), dist.ReduceOp.MAX).item())

    def wait(self) -> None:
        """Go on when all have come here."""
        if self.count > 1:
            dist.barrier()

    @staticmethod
    def _reduced(x: Tensor, operation: dist.ReduceOp.RedOpType) -> Tensor:
        x = x.clone()
        dist.all_reduce(x, operation)
        return x


@contextmanager
def joined(device: str | None = None) -> Iterator[Processes]:
    """Join the processes that `torchrun` started, or be one alone; each has a GPU of its own where there are any."""
    named = device_named(("cuda" if torch.cuda.is_available() else "cpu") if device is None else device)
    if "WORLD_SIZE" not in os.environ:
        if named.type == "cuda" and named.index is not None:
            torch.cuda.set_device(named)  # graphs are captured on the current one
        yield Processes(named)
        return
    local = _place_among_processes()
    here = device_named(f"cuda:{local}") if named.type == "cuda" else named
    if here.type == "cuda":
        torch.cuda.set_device(here)
    try:
        # The others wait while the first one scores: that may take longer than the default timeout.
        dist.init_process_group("nccl" if here.type == "cuda" else "gloo", timeout=timedelta(hours=2))
    except (RuntimeError, ValueError, OSError) as error:
        raise UserError(
            f"the processes did not find each other ({str(error).splitlines()[0]}); start torchrun again"
        ) from None
    try:
        yield Processes(here, dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def _place_among_processes() -> int:
    """This process's number on its machine, of the variables that torchrun sets; UserError where one is wrong."""
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_PORT")
    values = {name: os.environ.get(name, "") for name in names}
    for name, value in values.items():
        if not (value.isascii() and value.isdecimal()):
            raise UserError(
                f"WORLD_SIZE is set and {name} is {value or 'not'!s}: several processes are started by torchrun, which "
                "sets both; unset WORLD_SIZE to train in one"
            )
    rank, count, local = (int(values[name]) for name in names[:3])
    if rank >= count or not os.environ.get("MASTER_ADDR"):
        raise UserError(
            f"RANK is {rank} of WORLD_SIZE {count} at MASTER_ADDR {os.environ.get('MASTER_ADDR', 'not set')}: start "
            "the processes with torchrun, or unset WORLD_SIZE to train in one"
        )
    return local


def exchanging(objective: nn.Module, processes: Processes, some_unused: bool) -> nn.Module:
    """The objective as one that exchanges its parameters' gradients in its backward pass, where there are others.

    `some_unused` says that a loss may leave some of the parameters out.
    """
    if processes.count == 1:
        return objective
    # Buffers are equal already: batch statistics are synchronized, and power iterations see the same weights.
    # torch 2.13 renames the option.
    known = inspect.signature(DistributedDataParallel).parameters
    options: dict[str, Any] = {"find_unused_parameters": some_unused}
    # The gradient of a matrix of one row may have the strides of a column: the same entries, in the same order.
    warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
    options["forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"] = False
    return DistributedDataParallel(objective, **options)


def without_exchange(objective: nn.Module) -> AbstractContextManager[Any]:
    """Within it gradients are only added up here: they are exchanged once, with the last part of a batch."""
    if isinstance(objective, DistributedDataParallel):
        no_sync: AbstractContextManager[Any] = objective.no_sync()
        return no_sync
    return nullcontext()
