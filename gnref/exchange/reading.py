"""Weights from files: checkpoints of the original code, and exports."""

import io
import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gnref.errors import UserError
from gnref.exchange.names import CHECKPOINT, Who, from_original
from gnref.runs import load_weights
from gnref.training.experiment import Experiment, from_settings
from gnref.training.objectives import make_networks

Weights = dict[str, dict[str, Tensor]]
"""The state dicts of "generator", "average" and "discriminator", as a checkpoint of a run has them."""

FILES: Mapping[str, str] = {
    "generator": "generator.safetensors",
    "average": "generator-ema.safetensors",
    "discriminator": "discriminator.safetensors",
}
"""The files of an export."""

# The original keeps its best scores beside the weights, as NumPy numbers.
_NUMBERS: list[Any] = [
    np.dtype,
    *(type(np.dtype(kind)) for kind in ("f4", "f8", "i8")),
    *((np.float64(0).__reduce__()[0], f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
]


def read_original(path: Path, e: Experiment) -> tuple[int, Weights]:
    """The step and the weights in a checkpoint of the original code; nothing but tensors and numbers is unpickled.

    Raises: UserError for a file that is none, holds anything else, or is of another architecture than `e`.
    """
    if path.exists() and not path.is_file():
        raise UserError(f"{path} is no file but a pipe, socket or device; name the checkpoint")
    try:
        with torch.serialization.safe_globals(_NUMBERS):
            found: Any = torch.load(io.BytesIO(path.read_bytes()), map_location="cpu", weights_only=True)
    except OSError as error:
        raise UserError(f"{path} could not be read: {error.strerror}") from None
    except (pickle.UnpicklingError, RuntimeError, ValueError, EOFError, KeyError):
        raise UserError(f"{path} is no checkpoint of tensors and numbers, and was not loaded") from None
    missing = [
        key for key, _ in CHECKPOINT.values() if not isinstance(found, dict) or not isinstance(found.get(key), dict)
    ]
    if missing:
        raise UserError(f"{path} is no checkpoint of the original code: it has no {', '.join(missing)}")
    networks = _networks(e)
    weights = {}
    for name, (key, who) in CHECKPOINT.items():
        network = networks[who]
        weights[name] = _checked(network, from_original(e, who, found[key], network.state_dict()), f"{path}, {key}")
    step = found.get("step", 0)
    return step if isinstance(step, int) and step >= 0 else 0, weights


def read_export(folder: Path) -> tuple[Experiment, int, Weights]:
    """The experiment, the step and the weights in a folder that `gnref export --safetensors` wrote.

    Raises: UserError for a folder that is none.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        described = json.loads((folder / "experiment.json").read_text(encoding="utf-8"))
        e, step = from_settings(described["experiment"]), int(described["step"])
        loaded = {name: load_file(folder / file) for name, file in FILES.items()}
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise UserError(f"{folder} is no export of gnref: {error}") from None
    networks = _networks(e)
    return (
        e,
        step,
        {
            name: _checked(networks[who], loaded[name], str(folder / FILES[name]))
            for name, (_, who) in CHECKPOINT.items()
        },
    )


def _networks(e: Experiment) -> dict[Who, nn.Module]:
    generator, discriminator = make_networks(e)
    return {"generator": generator, "discriminator": discriminator}


def _checked(network: nn.Module, weights: Mapping[str, Tensor], where: str) -> dict[str, Tensor]:
    """A copy of the weights as the network has them; UserError where they are another network's."""
    load_weights(network, weights, where)
    return {name: value.clone() for name, value in network.state_dict().items()}
