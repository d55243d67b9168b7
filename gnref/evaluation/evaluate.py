"""A generator, or images, scored by a protocol."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gnref.errors import UserError
from gnref.evaluation.features import FeatureSpace, feature_space
from gnref.evaluation.images import Images, from_array, from_generator, from_path
from gnref.evaluation.protocol import Protocol, protocol_named
from gnref.evaluation.reference import Reference, load_reference, reference
from gnref.evaluation.scores import extract, scores


class Evaluation(TypedDict):
    """Scores with everything that says what they mean; ready for JSON."""

    protocol: str
    features: str
    feature_weights: str
    reference_data: str
    generated: int
    real: int
    splits: int | None
    seed: int | None
    scores: dict[str, float]
    floor: dict[str, float]
    floor_sample: str


def evaluate(
    images: nn.Module | Images | Tensor | NDArray[np.generic],
    protocol: Protocol | str,
    *,
    features: str | Path | None = None,
    real: Path | Images | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Evaluation:
    """Inception Score, FID and KID of images by a protocol, beside those of real images (`floor`).

    Args:
        images: a generator (scored in evaluation mode; it has `latent`, and `classes` if it is conditional) or images:
            uint8 or floats in [-1, 1], (N, 3, S, S) or (N, S, S, 3). Of more images than the protocol asks for,
            a fixed random part is scored.
        protocol: a name in `PROTOCOLS`, or a protocol.
        features: "inception", "shapes", "random" or a .safetensors file; by default as the protocol says.
        real: the real images (a folder, a .npz file), or the statistics of them that an earlier call cached.
        seed: draws the generator's latents; the global random state is neither used nor changed.
        progress: whether a terminal shows progress bars.

    Raises UserError for images that the protocol does not admit, a missing or foreign reference, missing weights.
    """
    protocol = protocol_named(protocol) if isinstance(protocol, str) else protocol
    device = next(images.parameters()).device if isinstance(images, nn.Module) else _default_device()
    with _own_random_state(device, seed):
        space = feature_space(features or protocol.features, device)
        compared = _reference(protocol, space, real, progress)
        return _score(images, protocol, space, compared, seed, progress)


def make_scorer(
    protocol: Protocol | str,
    *,
    features: str | Path | None = None,
    real: Path | Images | None = None,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> Callable[[nn.Module], dict[str, float]]:
    """`score(generator) -> {"FID in shapes-features": 1.23, ...}` for use in training, the reference read once.

    A call leaves the global random state and the generator's training mode as they were. Arguments as of `evaluate`.
    """
    protocol = protocol_named(protocol) if isinstance(protocol, str) else protocol
    with _own_random_state(torch.device(device), seed):
        space = feature_space(features or protocol.features, device)
        compared = _reference(protocol, space, real, progress=True)

    def score(generator: nn.Module) -> dict[str, float]:
        with _own_random_state(torch.device(device), seed):
            return _score(generator, protocol, space, compared, seed, progress=False)["scores"]

    return score


def _score(
    images: nn.Module | Images | Tensor | NDArray[np.generic],
    protocol: Protocol,
    space: FeatureSpace,
    compared: Reference,
    seed: int,
    progress: bool,
) -> Evaluation:
    if isinstance(images, nn.Module):
        with _evaluation_mode(images):
            source = from_generator(images, protocol.generated, seed)
            sample = extract(source, protocol.size, space, "generated images", progress)
    else:
        source = _part(images if isinstance(images, Images) else from_array(images), protocol)
        sample = extract(source, protocol.size, space, "images", progress)
    return {
        "protocol": protocol.name,
        "features": space.name,
        "feature_weights": space.digest,
        "reference_data": compared.data,
        "generated": protocol.generated,
        "real": protocol.real,
        "splits": protocol.splits if space.classifies else None,
        "seed": seed if isinstance(images, nn.Module) else None,
        "scores": scores(sample, compared.features, compared.gaussian, protocol, space),
        "floor": compared.floor,
        "floor_sample": compared.floor_sample,
    }


def _part(images: Images, protocol: Protocol) -> Images:
    """As many images as the protocol asks for; a random part of more, for folders are often sorted by class."""
    if images.count < protocol.generated:
        raise UserError(f"expected {protocol.generated} images for protocol {protocol.name}, got {images.count}")
    if images.count == protocol.generated:
        return images
    return images.subset(np.sort(np.random.RandomState(0).permutation(images.count)[: protocol.generated]))


def _reference(protocol: Protocol, space: FeatureSpace, real: Path | Images | None, progress: bool) -> Reference:
    if isinstance(real, Path) and real.suffix == ".safetensors":
        return load_reference(real, protocol, space)
    return reference(protocol, space, from_path(real) if isinstance(real, Path) else real, progress)


def _default_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def _own_random_state(device: torch.device, seed: int) -> Iterator[None]:
    """Generators with noise inside draw it from `seed`; afterwards the global random state is as it was."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


@contextmanager
def _evaluation_mode(generator: nn.Module) -> Iterator[None]:
    modes = {module: module.training for module in generator.modules()}
    generator.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training
