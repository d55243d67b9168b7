"""A generator, or images, scored by a protocol."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gnref.data.arrays import from_array, from_npz
from gnref.data.folder import folder_of_images
from gnref.data.images import Images
from gnref.data.load import read
from gnref.errors import UserError
from gnref.evaluation.features import FeatureSpace, feature_space
from gnref.evaluation.images import GeneratedImages, generated_images, lossy, part
from gnref.evaluation.protocol import Protocol, protocol_named
from gnref.evaluation.reference import Reference, load_reference, reference
from gnref.evaluation.scores import extract, scores
from gnref.evaluation.statistics import holds_statistics, read_statistics
from gnref.networks import PointGenerator
from gnref.runs import Run, load_generator

Scored = nn.Module | Path | str | Images | Tensor | NDArray[np.generic]


class Evaluation(TypedDict):
    """Scores with everything that says what they mean; ready for JSON."""

    source: str
    """What was scored: a path, and of a run whether G's own weights or their average; or a class."""
    protocol: str
    features: str
    feature_weights: str
    reference_data: str
    generated: int
    real: int | None
    """Real images compared with; None where their mean and covariance alone are known."""
    splits: int | None
    seed: int | None
    scores: dict[str, float]
    floor: dict[str, float]
    floor_sample: str
    lossy: bool


def evaluate(
    images: Scored,
    protocol: Protocol | str,
    *,
    features: str | Path | None = None,
    real: Path | str | Images | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Evaluation:
    """Inception Score, FID and KID of images by a protocol, beside those of real images (`floor`).

    Args:
        images: a generator, scored in evaluation mode (it has `latent`, and `classes` if it is conditional); a run
            folder, whose generator is the raw or the averaged one as its experiment says; or images: a folder, a
            .npz file, or uint8 or floats in [-1, 1], (N, 3, S, S) or (N, S, S, 3). Of more images than the protocol
            asks for, a fixed random part is scored.
        protocol: a name in `PROTOCOLS`, or a protocol.
        features: "inception", "shapes", "random" or a .safetensors file; by default as the protocol says.
        real: the real images (the data set's folder, a folder of images, a .npz file), or the statistics of them that
            an earlier call cached (a .safetensors file) or that others computed (a .npz file with `mu` and `sigma`:
            FID alone); the embedded shapes need none.
        seed: draws the generator's latents; the global random state is neither used nor changed.
        progress: whether a terminal shows progress bars.

    Raises UserError for images that the protocol does not admit, a missing or foreign reference, missing weights.

    >>> from gnref.data.shapes import shapes
    >>> result = evaluate(shapes(2000, size=16, seed=1)[0], "shapes-16")
    >>> all(result[part]["FID in shapes-features"] < 0.5 for part in ("scores", "floor"))
    True
    """
    protocol = _protocol(protocol)
    images = Path(images) if isinstance(images, str) else images
    real = Path(real) if isinstance(real, str) else real
    _check_seed(seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    name = str(images) if isinstance(images, Path) else type(images).__name__
    if isinstance(images, Path) and (images / "experiment.json").is_file():
        average = Run(images).description()["experiment"]["score_ema"]
        name += ", moving average of the weights" if average else ", the generator's own weights"
        images = load_generator(images, device=device)
    if isinstance(images, PointGenerator):
        raise UserError(
            f"{name}: its generator makes points in the plane, and {protocol.name} scores images; points have "
            "gnref.evaluation.wasserstein_distance and covered_modes (the page Scores shows how)"
        )
    if isinstance(images, nn.Module):
        device = next((parameter.device for parameter in images.parameters()), device)
    with _own_random_state(device, seed):
        source = _source(images, protocol, seed)
        space, compared = _compared(protocol, features, real, device, progress)
        return _score(name, source, protocol, space, compared, seed, progress)


def make_scorer(
    protocol: Protocol | str,
    *,
    features: str | Path | None = None,
    real: Path | str | Images | None = None,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> Callable[[nn.Module], dict[str, float]]:
    """`score(generator) -> {"FID in shapes-features": 1.23, ...}` for use in training, the reference read once.

    FID is the first of the scores: the best checkpoint is the one whose FID is lowest.
    A call leaves the global random state and the generator's training mode as they were. Arguments as of `evaluate`.
    """
    protocol = _protocol(protocol)
    real = Path(real) if isinstance(real, str) else real
    _check_seed(seed)
    with _own_random_state(torch.device(device), seed):
        space, compared = _compared(protocol, features, real, torch.device(device), progress=True)

    def score(generator: nn.Module) -> dict[str, float]:
        with _own_random_state(torch.device(device), seed):
            source = _source(generator, protocol, seed)
            return _score("", source, protocol, space, compared, seed, progress=False)["scores"]

    return score


def _protocol(protocol: Protocol | str) -> Protocol:
    if isinstance(protocol, Protocol):
        return protocol
    if not isinstance(protocol, str):
        raise UserError(f"expected a protocol or the name of one, got {protocol!r}")
    return protocol_named(protocol)


def _check_seed(seed: int) -> None:
    if not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise UserError(f"expected a seed from 0 to 2^32 - 1, got {seed!r}")


def _check_images(images: object, what: str) -> None:
    if not all(hasattr(images, name) for name in ("size", "fetch", "__len__")):
        raise UserError(f"expected {what} as a folder, a .npz file or images, got {type(images).__name__}")


def _source(images: nn.Module | Path | Images | Tensor | NDArray[np.generic], protocol: Protocol, seed: int) -> Images:
    if isinstance(images, nn.Module):
        return generated_images(images, protocol.generated, protocol.size, seed)
    if isinstance(images, Path) and images.suffix == ".npz":
        images = from_npz(images, protocol.size)
    elif isinstance(images, Path):
        if not images.is_dir():
            raise UserError(f"expected a run folder, a folder of images or a .npz file, got {images}")
        images = folder_of_images(images, protocol.size, exact=True)
    elif isinstance(images, Tensor | np.ndarray):
        images = from_array(images, protocol.size)
    _check_images(images, "what is scored")
    if images.size != protocol.size:
        raise UserError(f"expected images of {protocol.size} pixels, got {images.size}")
    return part(images, protocol.generated)


def _compared(
    protocol: Protocol,
    features: str | Path | None,
    real: Path | Images | None,
    device: torch.device,
    progress: bool,
) -> tuple[FeatureSpace, Reference]:
    if real is None and protocol.dataset != "shapes":
        raise UserError(f"protocol {protocol.name} compares with {protocol.data}: say where they are (--real)")
    if real is not None and not isinstance(real, Path):
        _check_images(real, "the real images")
    space = feature_space(protocol.features if features is None else features, device)
    if isinstance(real, Path) and real.suffix == ".safetensors":
        return space, load_reference(real, protocol, space)
    if isinstance(real, Path) and holds_statistics(real):
        return space, read_statistics(real, protocol, space)
    images = read(protocol.dataset, real, protocol.size) if isinstance(real, Path) else real
    return space, reference(protocol, space, images, progress)


def _score(
    name: str,
    images: Images,
    protocol: Protocol,
    space: FeatureSpace,
    compared: Reference,
    seed: int,
    progress: bool,
) -> Evaluation:
    generated = isinstance(images, GeneratedImages)
    with _evaluation_mode(images.generator) if isinstance(images, GeneratedImages) else nullcontext():
        if isinstance(images, GeneratedImages):
            with _own_random_state(space.device, seed):
                images.check_range()
        sample = extract(images, space, "images", progress)
    return {
        "source": name,
        "protocol": protocol.name,
        "features": space.name,
        "feature_weights": space.digest,
        "reference_data": compared.data,
        "generated": protocol.generated,
        "real": None if compared.features is None else protocol.real,
        "splits": protocol.splits if space.classifies else None,
        "seed": seed if generated else None,
        "scores": scores(sample, compared.features, compared.gaussian, protocol, space),
        "floor": compared.floor,
        "floor_sample": compared.floor_sample,
        "lossy": compared.lossy or lossy(images),
    }


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
