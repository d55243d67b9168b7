"""What cases of exact image networks have in common: their numbers, and those of the images that are judged."""

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnref.exact import Array, Evaluation
from gnref.exact_images import ImageNetwork


class Numbers(NamedTuple):
    """A network, its images (N, C, H, W), their labels (none, or N) and what the oracle makes of them."""

    network: ImageNetwork
    images: Array
    labels: list[int]
    evaluation: Evaluation


class ExactCase(ABC):
    """Images of an exact network, some of which are judged: those whose indices are in `kept`, or all."""

    if TYPE_CHECKING:  # fields of the dataclasses
        dtype: torch.dtype
        device: str
        kept: tuple[int, ...] | None

    @abstractmethod
    def numbers(self) -> Numbers:
        """All of the case's numbers, whatever its dtype, its device and the choice of images."""

    @property
    def unit(self) -> float:
        """U, the unit roundoff of the case's dtype."""
        return torch.finfo(self.dtype).eps / 2

    @property
    def network(self) -> ImageNetwork:
        """The network for the oracle."""
        return self.numbers().network

    @property
    def array(self) -> Array:
        """The images judged, (N, C, H, W) in float64."""
        images = self.numbers().images
        return images if self.kept is None else images[list(self.kept)]

    @property
    def chosen(self) -> list[int]:
        """Their labels; empty where the network has none."""
        labels = self.numbers().labels
        return labels if self.kept is None or not labels else [labels[i] for i in self.kept]

    @property
    def exact(self) -> Evaluation:
        """f (N,), ∇ₓf (N, C, H, W) and ‖∇ₓf‖² (N,), exact."""
        found = self.numbers().evaluation
        return found if self.kept is None else Evaluation(*(values[list(self.kept)] for values in found))

    @property
    def norm(self) -> Array:
        """g = ‖∇ₓf‖ (N,), rounded once."""
        return np.sqrt(self.exact.squared_norm)

    def at(self, keep: NDArray[np.bool_]) -> Self:
        """The case at the images where `keep` (N,) is true."""
        indices = np.arange(len(self.array)) if self.kept is None else np.array(self.kept)
        return replace(self, kept=tuple(indices[keep].tolist()))  # type: ignore[type-var]

    def arguments(self) -> tuple[Tensor, ...]:
        """What the discriminator takes beside x: the labels, where there are some."""
        return (torch.tensor(self.chosen, device=self.device),) if self.chosen else ()

    def snippet(self) -> str:
        """Lines that rebuild the discriminator and its input; `normalize` is the reader's own."""
        kind = type(self)
        return (
            f"import torch\nfrom {kind.__module__} import {kind.__name__}\ncase = {self!r}\n"
            "print(normalize(case.module(), case.x(), *case.arguments()))"
        )
