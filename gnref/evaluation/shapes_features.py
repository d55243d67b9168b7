"""The feature space of the embedded shapes: a classifier small enough to ship, trained by `train_features`."""

import hashlib
import json
import struct
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gnref.errors import UserError

SHIPPED: Final = Path(__file__).with_name("shapes_features.safetensors")
WIDTH: Final = 96
LARGEST: Final = 32  # pixels; the network is trained on 16 and 32


class ShapesFeatures(nn.Module):
    """φ(x) ∈ ℝ⁹⁶, the spatial mean of four convolutions' output, and linear logits of the ten classes of shapes.

    forward: uint8 (N, 3, S, S) -> (features (N, 96), logits (N, 10)), float32. Images larger than 32 pixels are
    first averaged down to 32 over their area.
    """

    def __init__(self) -> None:
        super().__init__()
        widths, strides = (3, 24, 48, 48, WIDTH), (1, 2, 2, 2)
        layers: list[nn.Module] = []
        for inputs, outputs, stride in zip(widths, widths[1:], strides, strict=False):
            layers += [nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        self.convolutions = nn.Sequential(*layers)
        self.classes = nn.Linear(WIDTH, 10)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features (N, 96) and logits (N, 10) of uint8 images."""
        features = self.features(images.to(torch.float32) / 127.5 - 1)
        return features, self.classes(features)

    def features(self, x: Tensor) -> Tensor:
        """φ of images (N, 3, S, S) in [-1, 1]."""
        if x.shape[-1] > LARGEST:
            x = F.adaptive_avg_pool2d(x, LARGEST)
        mean: Tensor = self.convolutions(x).mean((2, 3))
        return mean


def load(path: Path = SHIPPED) -> ShapesFeatures:
    """The network with the weights of a safetensors file, in evaluation mode.

    Raises UserError for a file that is missing, broken or of another architecture.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    network = untrained(0)
    if not path.is_file():
        raise UserError(f"expected feature weights in {path}, but there is no such file")
    try:
        network.load_state_dict(load_file(path))
    except (SafetensorError, OSError, RuntimeError, struct.error, json.JSONDecodeError) as failure:
        reason = str(failure).strip().splitlines()[0]
        raise UserError(
            f"expected in {path} safetensors weights of the ShapesFeatures network, but they do not load: {reason}"
        ) from failure
    return network


def untrained(seed: int) -> ShapesFeatures:
    """The network as initialized from `seed`, in evaluation mode: a second feature space, which has learned nothing.

    A comparison that holds in trained and in untrained features does not hang on what the features were trained for.
    The global random state is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = ShapesFeatures()
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
    return network.requires_grad_(False).eval()


def digest(network: nn.Module) -> str:
    """SHA-256 of a network's parameters and buffers, in the order of their names."""
    state = network.state_dict()
    hashed = hashlib.sha256()
    for name in sorted(state):
        hashed.update(name.encode() + state[name].detach().cpu().contiguous().numpy().tobytes())
    return hashed.hexdigest()
