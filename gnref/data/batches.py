"""The order of the data, as a function of (seed, number of the batch): nothing to save, nothing to restore."""

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

from gnref.data.images import Images, ImageSet
from gnref.errors import UserError


def derived_seed(seed: int, *path: int | str) -> int:
    """A seed in [0, 2^63) for one use, by SHA-256: different uses of one seed are independent of each other."""
    digest = hashlib.sha256(repr((seed, *path)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


class Batches:
    """Batch number b of the data: each epoch is a fresh permutation, cut into ⌊N / batch⌋ batches; the rest is dropped.

    `share = (rank, processes)`: this process gets its equal part of every batch. Sets that are decoded from files have
    the next batch prepared in the background.
    """

    def __init__(self, images: Images, batch: int, seed: int, share: tuple[int, int] = (0, 1)) -> None:
        if len(images) < batch:
            raise UserError(f"the data holds {len(images)} images, fewer than one batch of {batch}")
        self.images, self.batch, self.seed = images, batch, seed
        rank, processes = share
        self._part = slice(rank * batch // processes, (rank + 1) * batch // processes)
        self._epoch, self._order = -1, torch.empty(0, dtype=torch.int64)
        self._reader = None if isinstance(images, ImageSet) else ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._next: tuple[int, Future[Tensor]] | None = None

    def indices(self, number: int) -> Tensor:
        """The indices of this process's part of batch `number`, int64 on the CPU."""
        per_epoch = len(self.images) // self.batch
        epoch, place = divmod(number, per_epoch)
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(derived_seed(self.seed, "epoch", epoch))
            self._epoch, self._order = epoch, torch.randperm(len(self.images), generator=generator)
        return self._order[place * self.batch : (place + 1) * self.batch][self._part]

    def __call__(self, number: int) -> tuple[Tensor, Tensor | None]:
        """The images (uint8, where the set keeps them) and the labels (int64, CPU) of batch `number`."""
        index = self.indices(number)
        labels = None if self.images.labels is None else self.images.labels[index]
        if self._reader is None:
            return self.images.fetch(index), labels
        if self._next is None or self._next[0] != number:
            self._next = number, self._reader.submit(self.images.fetch, index)
        images = self._next[1].result()
        self._next = number + 1, self._reader.submit(self.images.fetch, self.indices(number + 1))
        return images, labels
