"""The parts of an image network, in NumPy: each can be applied, transposed, and differentiated in its weights.

At a given input a part is affine: what depends on the input there, the slopes of an activation or the places of largest
entries, is `frozen`. `absolute` takes weights, slopes and constants as positive, which bounds every term of a sum. No
line here calls PyTorch: a convolution is a loop over the places of its kernel.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gnref.exact import Array

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Convolution:
    """y = W ∗ h + b: weight (O, C, k, l), bias (O,), zeros around h."""

    weight: Array
    bias: Array
    stride: int = 1
    padding: int = 0

    def freeze(self, h: Array) -> None:
        """Nothing depends on h."""

    def apply(self, h: Array, frozen: None, absolute: bool = False, constants: bool = True) -> Array:
        """W ∗ h, with b if `constants`."""
        weight, bias = (np.abs(self.weight), np.abs(self.bias)) if absolute else (self.weight, self.bias)
        out = sum(
            (weight[:, :, i, j] @ seen.reshape(*seen.shape[:2], -1)).reshape(len(h), -1, *seen.shape[2:])
            for i, j, seen in self._places(h)
        )
        return out + bias[:, None, None] if constants else np.asarray(out)

    def transpose(self, delta: Array, frozen: None, shape: Shape, absolute: bool = False) -> Array:
        """Wᵀ δ in the input's shape."""
        weight = np.abs(self.weight) if absolute else self.weight
        padded = np.zeros((*shape[:2], *(size + 2 * self.padding for size in shape[2:])))
        flat = delta.reshape(*delta.shape[:2], -1)
        for i, j, rows, columns in self._strides(delta.shape[2:]):
            padded[:, :, rows, columns] += (weight[:, :, i, j].T @ flat).reshape(len(delta), -1, *delta.shape[2:])
        inner = [slice(self.padding, self.padding + size) for size in shape[2:]]
        return padded[:, :, inner[0], inner[1]]

    def gradients(self, delta: Array, z: Array, alpha: Array) -> list[Array]:
        """Σ_i δ_i ⊗ z_i and Σ_i α_i δ_i."""
        weight, flat = np.zeros(self.weight.shape), delta.transpose(1, 0, 2, 3).reshape(delta.shape[1], -1)
        for i, j, seen in self._places(z):
            weight[:, :, i, j] = flat @ seen.transpose(1, 0, 2, 3).reshape(seen.shape[1], -1).T
        return [weight, np.einsum("nohw,n->o", delta, alpha)]

    def fans(self) -> int:
        """The terms, but for exact zeros, of a sum of either pass."""
        terms = self.weight != 0
        return int(terms.sum(axis=(1, 2, 3)).max() + terms.sum(axis=(0, 2, 3)).max())

    def _places(self, h: Array) -> Iterator[tuple[int, int, Array]]:
        """For every place of the kernel, what it meets of the padded input: a view (N, C, H', W')."""
        p, kernel = self.padding, self.weight.shape[2:]
        padded = np.pad(h, ((0, 0), (0, 0), (p, p), (p, p)))
        out = tuple((size - k) // self.stride + 1 for size, k in zip(padded.shape[2:], kernel, strict=True))
        for i, j, rows, columns in self._strides(out):
            yield i, j, padded[:, :, rows, columns]

    def _strides(self, out: Shape) -> Iterator[tuple[int, int, slice, slice]]:
        s, (rows, columns) = self.stride, self.weight.shape[2:]
        for i in range(rows):
            for j in range(columns):
                yield i, j, slice(i, i + s * (out[0] - 1) + 1, s), slice(j, j + s * (out[1] - 1) + 1, s)


@dataclass(frozen=True, eq=False)
class Activation:
    """h for h > 0, slope·h elsewhere."""

    slope: float

    def freeze(self, h: Array) -> Array:
        """The slope at every entry."""
        return np.where(h > 0, 1.0, self.slope)

    def apply(self, h: Array, frozen: Array, absolute: bool = False, constants: bool = True) -> Array:
        """The entries times their slopes."""
        return np.asarray(h * (np.abs(frozen) if absolute else frozen))

    def transpose(self, delta: Array, frozen: Array, shape: Shape, absolute: bool = False) -> Array:
        """The same."""
        return self.apply(delta, frozen, absolute)

    def fans(self) -> int:
        """One product each way."""
        return 2


@dataclass(frozen=True, eq=False)
class Pool:
    """The average, or the largest entry, of each `size` × `size` square; what is left over at the end is dropped."""

    kind: Literal["average", "largest"]
    size: int = 2

    def freeze(self, h: Array) -> Array:
        """The share that every entry of a square (N, C, H', W', size²) has in its result."""
        squares = self.squares(h)
        if self.kind == "average":
            return np.full(squares.shape[-1], 1 / squares.shape[-1])
        return np.asarray((np.arange(squares.shape[-1]) == squares.argmax(axis=-1)[..., None]).astype(np.float64))

    def apply(self, h: Array, frozen: Array, absolute: bool = False, constants: bool = True) -> Array:
        """The sum of the shares."""
        return np.asarray((self.squares(h) * frozen).sum(-1))

    def transpose(self, delta: Array, frozen: Array, shape: Shape, absolute: bool = False) -> Array:
        """To every entry its share."""
        size, (height, width) = self.size, delta.shape[2:]
        shares = (delta[..., None] * frozen).reshape(*delta.shape, size, size).transpose(0, 1, 2, 4, 3, 5)
        found = np.zeros(shape)
        found[:, :, : height * size, : width * size] = shares.reshape(*delta.shape[:2], height * size, width * size)
        return found

    def fans(self) -> int:
        """A square's entries, and one share each."""
        return self.size**2 + 1

    def squares(self, h: Array) -> Array:
        """(N, C, H, W) as its squares (N, C, H', W', size²)."""
        size, height, width = self.size, h.shape[2] // self.size, h.shape[3] // self.size
        cut = h[:, :, : height * size, : width * size].reshape(*h.shape[:2], height, size, width, size)
        return cut.transpose(0, 1, 2, 4, 3, 5).reshape(*h.shape[:2], height, width, size * size)


@dataclass(frozen=True, eq=False)
class Total:
    """The sum over all pixels, or their mean: (N, C, H, W) to (N, C, 1, 1)."""

    mean: bool = False

    def freeze(self, h: Array) -> float:
        """The share of each pixel."""
        return 1 / (h.shape[2] * h.shape[3]) if self.mean else 1.0

    def apply(self, h: Array, frozen: float, absolute: bool = False, constants: bool = True) -> Array:
        """The sum of the shares."""
        return np.asarray(frozen * h.sum(axis=(2, 3), keepdims=True))

    def transpose(self, delta: Array, frozen: float, shape: Shape, absolute: bool = False) -> Array:
        """To every pixel its share."""
        return np.broadcast_to(frozen * delta, shape)

    def fans(self) -> int:
        """Counted with the pixels by the network, which knows how many there are."""
        return 2


@dataclass(frozen=True, eq=False)
class Branches:
    """The sum of chains of parts that read the same input; an empty chain is the identity."""

    chains: tuple[tuple["Part", ...], ...]


Simple = Convolution | Activation | Pool | Total
Part = Simple | Branches
