"""The original code's names for the weights of its networks, beside ours.

Every network of the original has ours' weights under other names. Two things differ besides: the CNN's generator ends
in a transposed convolution there, and spectral norms are those of PyTorch's older function.
"""

import re
from collections.abc import Mapping
from typing import Literal

from torch import Tensor

from gnref.errors import UserError
from gnref.training.experiment import Experiment

Who = Literal["generator", "discriminator"]

CHECKPOINT: Mapping[str, tuple[str, Who]] = {
    "generator": ("net_G", "generator"),
    "average": ("ema_G", "generator"),
    "discriminator": ("net_D", "discriminator"),
}
"""What a run's checkpoint calls a state dict: what the original's calls it, and which network's it is."""

_SPECTRAL = [
    (r"\.parametrizations\.weight\.original$", ".weight_orig"),
    (r"\.parametrizations\.weight\.0\._([uv])$", r".weight_\1"),
]
_RESIDUAL_DISCRIMINATOR = [
    (r"blocks\.0\.conv1\.", "blocks.0.residual.0."),
    (r"blocks\.0\.conv2\.", "blocks.0.residual.2."),
    (r"blocks\.0\.shortcut\.", "blocks.0.shortcut.1."),
    (r"blocks\.(\d+)\.conv1\.", r"blocks.\1.residual.1."),
    (r"blocks\.(\d+)\.conv2\.", r"blocks.\1.residual.3."),
    (r"blocks\.([1-9]\d*)\.shortcut\.", r"blocks.\1.shortcut.0."),
    (r"^head\.", "linear."),
]
_RULES: Mapping[tuple[str, Who], list[tuple[str, str]]] = {
    ("cnn", "generator"): [(r"^layers\.", "main.")],
    ("cnn", "discriminator"): [(r"^layers\.", "main."), (r"^head\.", "linear.")],
    ("resnet", "generator"): [
        (r"\.norm1\.", ".residual.0."),
        (r"\.conv1\.", ".residual.3."),
        (r"\.norm2\.", ".residual.4."),
        (r"\.conv2\.", ".residual.6."),
        (r"\.shortcut\.", ".shortcut.1."),
    ],
    ("resnet", "discriminator"): [*_RESIDUAL_DISCRIMINATOR, (r"^blocks\.", "model.")],
    ("biggan", "generator"): [
        (r"\.norm(\d)\.norm\.", r".bn\1.batchnorm2d."),
        (r"\.norm(\d)\.", r".bn\1."),
        (r"\.conv1\.", ".residual1.2."),
        (r"\.conv2\.", ".residual2.1."),
        (r"\.shortcut\.", ".shortcut.1."),
        (r"^output\.", "output_layer."),
    ],
    ("biggan", "discriminator"): _RESIDUAL_DISCRIMINATOR,
}


def original_name(e: Experiment, who: Who, name: str) -> str:
    """What the original code calls the entry `name` of our network's state dict.

    Raises: UserError for StyleGAN, of which there is no original code with gradient normalization.
    """
    if (e.architecture, who) not in _RULES:
        raise UserError(
            f"{e.name}: the original code has no {e.architecture}; choose a cnn, resnet or biggan experiment"
        )
    for pattern, replacement in (*_SPECTRAL, *_RULES[e.architecture, who]):
        name = re.sub(pattern, replacement, name)
    return name


def to_original(e: Experiment, who: Who, ours: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our network's state dict under the original's names, contiguous and on the CPU."""
    return {
        original_name(e, who, name): _turned(e, who, name, value).cpu().contiguous() for name, value in ours.items()
    }


def from_original(
    e: Experiment, who: Who, theirs: Mapping[str, Tensor], like: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """The original's state dict under our names, those of `like`; entries that are missing are left out.

    Names may begin with `module.`, as those of DistributedDataParallel do.
    """
    plain = {name.removeprefix("module."): value for name, value in theirs.items()}
    known = {original_name(e, who, name): name for name in like}
    return {known.get(name, name): _turned(e, who, known.get(name, name), value) for name, value in plain.items()}


def _turned(e: Experiment, who: Who, name: str, value: Tensor) -> Tensor:
    """The last kernel of the CNN's generator, transposed convolution (I, O, 3, 3) to convolution (O, I, 3, 3) and back.

    At stride 1 a transposed convolution is a convolution with the kernel flipped.
    """
    if (e.architecture, who, name) == ("cnn", "generator", "layers.11.weight"):
        return value.transpose(0, 1).flip((2, 3))
    return value
