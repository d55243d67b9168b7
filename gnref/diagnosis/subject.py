"""The discriminator to diagnose and the samples it is diagnosed on."""

import copy
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gnref import admissible
from gnref.data.folder import folder_of_images
from gnref.data.shapes import shapes
from gnref.diagnosis.apart import BUILDER
from gnref.errors import UserError
from gnref.supervisor import imported, said, told

IMAGES = 64


@dataclass(frozen=True)
class Subject:
    """A discriminator in the mode and dtype it is used in, with samples x (N, ...) and labels (N,) or None."""

    name: str
    discriminator: nn.Module
    x: Tensor
    labels: Tensor | None
    reduce: Literal["mean"] | None
    data: str

    def args(self, x: Tensor) -> tuple[Tensor, ...]:
        """The labels for a batch like x as further arguments of the discriminator, cycled where x is longer."""
        if self.labels is None:
            return ()
        return (self.labels[torch.arange(len(x)) % len(self.labels)],)

    def heads(self, x: Tensor, labels: tuple[Tensor, ...] | None = None) -> list[Tensor]:
        """The scores (N,) of each head; dense maps are reduced by their mean, whether or not that was asked for."""
        output = self.discriminator(x, *(self.args(x) if labels is None else labels))
        heads = output if isinstance(output, tuple | list) else (output,)
        return [admissible.scores_per_sample(head, len(x), "mean") for head in heads]

    def score(self, sample: int) -> Callable[[Tensor], Tensor]:
        """The first head as a function of x alone, the label being that of one sample."""
        label = () if self.labels is None else (self.labels[sample],)
        return lambda x: self.heads(x, tuple(y.expand(len(x)) for y in label))[0]

    def first(self, count: int) -> "Subject":
        """The same with the first samples only."""
        return self.at(torch.arange(min(count, len(self.x))))

    def at(self, samples: Tensor) -> "Subject":
        """The same with the samples of these numbers only."""
        return replace(self, x=self.x[samples], labels=None if self.labels is None else self.labels[samples])

    def in_double(self) -> "Subject":
        """A copy in float64, in the same mode, whose parameters require no gradient."""
        twin = copied(self.discriminator, lambda: self.heads(self.x[:2])).double()
        for parameter in twin.parameters():
            parameter.requires_grad_(False)
        return replace(self, discriminator=twin, x=self.x.double())


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode within, and every module in the mode it was in afterwards."""
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, training in modes.items():
            part.training = training


def copied(module: nn.Module, run: Callable[[], Any]) -> nn.Module:
    """A deep copy, also of a module with weights computed from others (older weight and spectral normalization)."""
    try:
        return copy.deepcopy(module)
    except RuntimeError:
        # Such weights are left by the last forward pass with its graph, and cannot be copied; without one they can.
        with evaluating(module), torch.no_grad():
            run()
        return copy.deepcopy(module)


def load(
    target: str,
    images: Path | None,
    weights: Path | None,
    image_size: int,
    pixel_range: tuple[float, float],
    labels: tuple[int, ...],
    reduce: Literal["mean"] | None,
) -> Subject:
    """The subject of `gnref verify`; every mistake is a UserError that says what to do."""
    discriminator = _built(target)
    if weights is not None:
        _load_weights(discriminator, weights)
    pixels, classes, data = _pixels(images, image_size)
    low, high = pixel_range
    if not low < high:
        raise UserError(f"--range: expected two numbers in order, such as -1 1, got {low} {high}")
    x = low + (high - low) * (pixels.double() / 255)
    parameter = next(discriminator.parameters(), torch.zeros(()))
    chosen = _labels(discriminator, target, labels, classes, len(x))
    subject = Subject(target, discriminator, x.to(parameter), chosen, reduce, f"{data}, pixels in [{low:g}, {high:g}]")
    return _scored(subject, pixels)


def _built(target: str) -> nn.Module:
    build = imported(target, BUILDER)
    try:
        built = build if isinstance(build, nn.Module) else build()
    except BaseException as error:
        raise UserError(f"{target} cannot be built: {told(error) or said(error)}") from error
    if not isinstance(built, nn.Module):
        raise UserError(f"expected {target} to return a torch.nn.Module, got {type(built).__name__}")
    return built


def _load_weights(discriminator: nn.Module, path: Path) -> None:
    try:
        from safetensors.torch import load_file
    except ImportError:
        raise UserError("--weights needs safetensors; install it with: pip install 'gnref[proofs]'") from None
    try:
        state = load_file(path)
    except Exception as error:
        raise UserError(f"{path} cannot be read as safetensors: {str(error).splitlines()[0]}") from None
    try:
        discriminator.load_state_dict(state)
    except RuntimeError as error:
        told = "; ".join(line.strip() for line in str(error).splitlines()[1:4])
        raise UserError(f"{path} does not fit the discriminator: {told}") from None


def _pixels(images: Path | None, size: int) -> tuple[Tensor, Tensor | None, str]:
    """uint8 (N, 3, size, size), the classes of sub-folders if any, and what the images are."""
    if images is None:
        drawn, classes = shapes(IMAGES, size)
        return drawn, classes, f"{IMAGES} images drawn by gnref (no --images given)"
    found = folder_of_images(images, size)
    # Spread over the folder, so that every class is seen.
    index = torch.arange(min(IMAGES, len(found))) * len(found) // min(IMAGES, len(found))
    if len(found) < 2:
        raise UserError(f"{images}: expected at least 2 images, got {len(found)}")
    return found.fetch(index), None if found.labels is None else found.labels[index], f"{len(index)} images of {images}"


def _labels(
    discriminator: nn.Module, target: str, labels: tuple[int, ...], classes: Tensor | None, count: int
) -> Tensor | None:
    parameters = list(inspect.signature(discriminator.forward).parameters.values())
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required = [p.name for p in positional if p.default is p.empty]
    if labels:
        return torch.tensor(labels)[torch.arange(count) % len(labels)]
    if len(required) < 2:
        return None
    if classes is None:
        raise UserError(
            f"{target} is conditional: forward needs {required[1]!r}; give --labels 3 (or one label an image), "
            "or put the images into one sub-folder a class"
        )
    return classes


def _scored(subject: Subject, pixels: Tensor) -> Subject:
    """The subject, after its discriminator has scored two samples; of grey images, one channel where it takes one."""
    grey = bool((pixels == pixels[:, :1]).all())
    for x in (subject.x, subject.x[:, :1]) if grey else (subject.x,):
        tried = replace(subject, x=x)
        try:
            with torch.no_grad(), evaluating(subject.discriminator):
                tried.heads(x[:2])
        except (RuntimeError, ValueError, IndexError, TypeError) as error:
            failure = error
            continue
        if grey and x.shape[1] == 3:
            raise UserError(f"the images are grey, but {subject.name} takes three channels; give it images in colour")
        return tried
    labels = (
        "" if subject.labels is None else f" with labels {int(subject.labels.min())} to {int(subject.labels.max())}"
    )
    told = str(failure).splitlines()[0] if str(failure) else ""
    raise UserError(
        f"{subject.name} does not score a batch of shape {tuple(subject.x[:2].shape)}{labels}: "
        f"{type(failure).__name__}: {told}; see --image-size and --labels"
    )
