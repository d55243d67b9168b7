"""Operations, launches and memory of a body, counted as it runs: no noise, the same on every machine, meta included."""

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry


@dataclass(frozen=True)
class Count:
    """What one run of a body took."""

    flops: int
    """Floating-point operations of matrix products and convolutions, two to a multiply-add."""
    launches: int
    """ATen calls that compute or allocate: an upper bound on a GPU's kernel launches outside fused ones."""
    peak_bytes: int
    """The most that was alive at once of the storages made during the run."""


def count(body: Callable[[], Any]) -> Count:
    """Run the body once and count.

    >>> import torch
    >>> count(lambda: torch.ones(2, 3) @ torch.ones(3, 4))
    Count(flops=48, launches=3, peak_bytes=104)
    """
    counter = _Counter()
    with counter:
        body()
    return Count(counter.flops, counter.launches, counter.peak)


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    # FlopCounterMode itself breaks on a gradient taken inside a forward pass; its registry of formulas does not.

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops = self.launches = self.alive = self.peak = 0
        self._seen: weakref.WeakKeyDictionary[torch.UntypedStorage, None] = weakref.WeakKeyDictionary()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for tensor in tree_leaves((args, kwargs)):
            if isinstance(tensor, Tensor):
                self._seen[tensor.untyped_storage()] = None
        result = func(*args, **(kwargs or {}))
        if not func.is_view:
            self.launches += 1
        if func.overloadpacket in flop_registry:
            self.flops += flop_registry[func.overloadpacket](*args, **(kwargs or {}), out_val=result)
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor) and tensor.untyped_storage() not in self._seen:
                self._born(tensor.untyped_storage())
        return result

    def _born(self, storage: torch.UntypedStorage) -> None:
        self._seen[storage] = None
        size = storage.nbytes()
        self.alive += size
        self.peak = max(self.peak, self.alive)
        weakref.finalize(storage, self._died, size)

    def _died(self, size: int) -> None:
        self.alive -= size
