"""The order of the data, as a function of (seed, place in it): nothing to save, nothing to restore."""

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

from gnref.data.images import Images, ImageSet
from gnref.data.points import PointSet
from gnref.errors import UserError


def derived_seed(seed: int, *path: int | str) -> int:
    """A seed in [0, 2^63) for one use, by SHA-256: different uses of one seed are independent of each other."""
    digest = hashlib.sha256(repr((seed, *path)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


class Batches:
    """The data as an endless sequence: one fresh permutation of all images after another.

    `share = (rank, processes)`: this process gets its equal part of what is asked for. Sets that are decoded from files
    have what comes next prepared in the background.
    """

    def __init__(self, images: Images, seed: int, share: tuple[int, int] = (0, 1)) -> None:
        if len(images) == 0:
            raise UserError("the data holds no image")
        self.images, self.seed, self.share = images, seed, share
        self._orders: dict[int, Tensor] = {}
        in_memory = isinstance(images, ImageSet | PointSet)
        self._reader = None if in_memory else ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._next: tuple[tuple[int, int], Future[Tensor]] | None = None

    def indices(self, start: int, count: int) -> Tensor:
        """This process's part of the sequence's entries start .. start + count - 1, int64 on the CPU."""
        rank, processes = self.share
        start, stop = start + rank * count // processes, start + (rank + 1) * count // processes
        first, last = start // len(self.images), (stop - 1) // len(self.images)
        run = torch.cat([self._order(epoch) for epoch in range(first, last + 1)])
        return run[start - first * len(self.images) :][: stop - start]

    def __call__(self, start: int, count: int) -> tuple[Tensor, Tensor | None]:
        """The images (uint8, where the set keeps them) and the labels (int64, CPU) of `indices(start, count)`."""
        index = self.indices(start, count)
        labels = None if self.images.labels is None else self.images.labels[index]
        if self._reader is None:
            return self.images.fetch(index), labels
        if self._next is None or self._next[0] != (start, count):
            self._next = (start, count), self._reader.submit(self.images.fetch, index)
        images = self._next[1].result()
        following = self.indices(start + count, count)
        self._next = (start + count, count), self._reader.submit(self.images.fetch, following)
        return images, labels

    def _order(self, epoch: int) -> Tensor:
        if epoch not in self._orders:
            generator = torch.Generator().manual_seed(derived_seed(self.seed, "epoch", epoch))
            kept = {number: order for number, order in self._orders.items() if number == epoch - 1}
            self._orders = kept | {epoch: torch.randperm(len(self.images), generator=generator)}
        return self._orders[epoch]
