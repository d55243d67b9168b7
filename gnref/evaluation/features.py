"""Feature spaces: the Inception network of the published scores, the small one of the shapes, and an untrained one."""

import hashlib
import importlib
import urllib.error
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from gnref.errors import UserError
from gnref.evaluation import shapes_features
from gnref.evaluation.torchvision_shim import import_torch_fidelity

INCEPTION_URL: Final = (
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth"
)
INCEPTION_SHA256: Final = "6726825d"  # the first digits, which torch.hub's convention puts into the file name
RANDOM_SEED: Final = 0


@dataclass(frozen=True)
class FeatureSpace:
    """φ: uint8 images (n, 3, S, S) -> (features (n, d), logits (n, classes))."""

    name: str
    network: Callable[[Tensor], tuple[Tensor, Tensor]] = field(compare=False)
    device: torch.device
    digest: str
    """SHA-256 of the weights."""
    classifies: bool
    """Whether the logits mean classes, so that the Inception Score is defined."""

    def label(self, score: str) -> str:
        """ "FID" for the Inception network; "FID in shapes-features" and the like for every other space."""
        return score if self.name == "inception" else f"{score} in {self.name}"


def feature_space(features: str | Path, device: torch.device | str = "cpu") -> FeatureSpace:
    """The space called "inception", "shapes" or "random", or the one whose weights (safetensors) are in a file."""
    if features == "inception":
        return inception(device=device)
    if features == "random":
        return _small("random-features", shapes_features.untrained(RANDOM_SEED), device, classifies=False)
    if features == "shapes":
        return _small("shapes-features", shapes_features.load(), device, classifies=True)
    path = Path(features)
    if path.suffix != ".safetensors":
        raise UserError(f'expected features "inception", "shapes" or a .safetensors file, got {str(features)!r}')
    return _small(f"features of {path.name}", shapes_features.load(path), device, classifies=True)


def inception(
    path: Path | None = None, sha256: str = INCEPTION_SHA256, device: torch.device | str = "cpu"
) -> FeatureSpace:
    """torch-fidelity's port of the TensorFlow Inception network of 2015-12-05, layers 2048 and logits_unbiased.

    `path`: its weights; by default where torch.hub keeps them, downloaded there if need be. `sha256`: how the
    checksum of the file must begin. Raises UserError that names file, place and checksum where there are no weights.
    """
    import_torch_fidelity()
    path = path or Path(torch.hub.get_dir()) / "checkpoints" / Path(INCEPTION_URL).name
    if not path.exists():
        _download(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if not digest.startswith(sha256):
        raise UserError(
            f"expected the Inception weights in {path} to have a SHA-256 that starts with {sha256}, got {digest[:8]}: "
            f"delete the file and download {INCEPTION_URL} there"
        )
    create: Any = importlib.import_module("torch_fidelity.utils").create_feature_extractor
    with torch.random.fork_rng(devices=[]):  # the network draws initial weights before it loads its own
        network = create(
            "inception-v3-compat",
            ["2048", "logits_unbiased"],
            cuda=False,
            feature_extractor_weights_path=str(path),
            verbose=False,
        )
    return FeatureSpace("inception", network.to(device), torch.device(device), digest, classifies=True)


def _download(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(INCEPTION_URL, str(path), hash_prefix=INCEPTION_SHA256)
    except (urllib.error.URLError, OSError, RuntimeError) as failure:
        raise UserError(
            f"the Inception weights are not in {path} and cannot be downloaded ({failure}): put the file {path.name} "
            f"(95.7 MB, SHA-256 starting with {INCEPTION_SHA256}) into {path.parent}, from {INCEPTION_URL}; "
            "or score without a download: --features shapes"
        ) from failure


def _small(
    name: str, network: shapes_features.ShapesFeatures, device: torch.device | str, classifies: bool
) -> FeatureSpace:
    digest = shapes_features.digest(network)
    return FeatureSpace(name, network.to(device), torch.device(device), digest, classifies)
