"""The generator of a run, as its folder describes it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gnref import networks
from gnref.errors import UserError
from gnref.runs.folder import Run, State


def build_generator(spec: Mapping[str, Any]) -> nn.Module:
    """The generator that `experiment.json` describes: `{"class": ..., "arguments": {...}}`, a class of `networks`."""
    name = spec.get("class")
    if name not in networks.__all__ or not str(name).endswith("Generator"):
        raise UserError(f"experiment.json names a generator this version does not have: {name}")
    try:
        generator: nn.Module = getattr(networks, name)(**dict(spec["arguments"]))
    except (KeyError, TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise UserError(
            f"experiment.json describes a {name} that cannot be built: {str(error).splitlines()[0]}"
        ) from None
    return generator


def load_generator(
    run: Path | str, ema: bool | None = None, best: bool = False, device: torch.device | str = "cpu"
) -> nn.Module:
    """A run's generator in evaluation mode, from its newest checkpoint or the best by its score.

    `ema` chooses the moving average or G's own weights; None is what the experiment scores.

    Raises:
        UserError: for a folder that is no run, is damaged, is without a checkpoint or, with `best`, without a score.
    """
    folder = Run(run)
    description = folder.description()
    state = load_state(folder, best, device)
    if ema is None:
        ema = description["experiment"].get("score_ema")
        if not isinstance(ema, bool):
            raise UserError(f"{run}: experiment.json is damaged: score_ema is {ema!r}; restore it, or choose with ema")
    generator = build_generator(description["generator"])
    load_weights(generator, state.get("average" if ema else "generator"), str(run))
    return generator.to(device).eval()


def load_state(run: Run, best: bool = False, device: torch.device | str = "cpu") -> State:
    """The newest checkpoint's state, or with `best` that of the best score.

    Raises:
        UserError: for a run without a checkpoint or, with `best`, without a score.
    """
    state = run.load(device=device)
    if state is None:
        raise UserError(f"{run.folder} has no checkpoint yet; `gnref train` writes them")
    if best:
        if not state["best"]:
            raise UserError(f"{run.folder} was trained without scores: no checkpoint is known to be its best")
        state = run.load(state["best"]["step"], device)
        assert state is not None
    return state


def load_weights(module: nn.Module, weights: object, where: str) -> None:
    """`module.load_state_dict`, with one sentence for weights of another architecture, or for none."""
    if not isinstance(weights, Mapping) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise UserError(f"{where}: the checkpoint holds no weights for {type(module).__name__}; restore another one")
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        detail = str(error).splitlines()[1].strip()
        raise UserError(
            f"{where}: the checkpoint is of another architecture than {type(module).__name__}: {detail}"
        ) from None
