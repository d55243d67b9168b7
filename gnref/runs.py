"""A run folder: `experiment.json`, `metrics.jsonl`, `checkpoints/`. A run can be killed at any moment.

A checkpoint's name holds its step and the first 16 digits of its SHA-256, `step-00001000.0123456789abcdef.pt`; it is
written beside, flushed, and renamed, so that a file under such a name is whole or is found out. Loading runs no code.
"""

import fcntl
import hashlib
import io
import json
import os
import pickle
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gnref import networks
from gnref.errors import UserError
from gnref.files import write_atomically

State = dict[str, Any]

_NAME = re.compile(r"step-(\d{8})\.([0-9a-f]{16})\.pt")


class Run:
    """The folder of one run. Methods that write are one process's: the holder of `locked()`."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder; UserError where another process does. The lock goes with its process, however that ends."""
        with _disk(f"the run folder {self.folder} cannot be written"):
            (self.folder / "checkpoints").mkdir(parents=True, exist_ok=True)
            file = (self.folder / "lock").open("a+")
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                holder = file.read() or "unknown"
                raise UserError(
                    f"{self.folder} is in use by process {holder}; wait for it, or name another folder"
                ) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            for leftover in self.folder.rglob("*.partial"):
                leftover.unlink()
            yield

    # What was asked for

    def describe(self, description: Mapping[str, Any]) -> None:
        """Write `experiment.json`: enough to run it again."""
        with _disk(f"experiment.json could not be written to {self.folder}"):
            write_atomically(self.folder / "experiment.json", json.dumps(description, indent=2).encode() + b"\n")

    def description(self) -> dict[str, Any]:
        """What `describe` wrote; UserError where the folder is no run."""
        path = self.folder / "experiment.json"
        try:
            content = json.loads(path.read_text())
        except FileNotFoundError:
            raise UserError(
                f"{self.folder} is no run folder: it has no experiment.json; `gnref train` makes one"
            ) from None
        except ValueError as error:
            raise UserError(f"{path} is damaged ({error}); restore it or start in another folder") from None
        if not isinstance(content, dict):
            raise UserError(f"{path} is damaged: expected an object; restore it or start in another folder")
        return content

    # Checkpoints

    def checkpoints(self) -> dict[int, Path]:
        """The checkpoints on disk by their steps, oldest first."""
        found = [
            (match, path) for path in self.folder.glob("checkpoints/*.pt") if (match := _NAME.fullmatch(path.name))
        ]
        return dict(sorted((int(match[1]), path) for match, path in found))

    def save(self, state: State, keep: int) -> Path:
        """Write a checkpoint of `state["step"]`, then drop all but the last `keep` and the best (`state["best"]`)."""
        step, best = state["step"], (state["best"] or {}).get("step")
        existing = self.checkpoints()
        last = f"the last good checkpoint is step {max(existing)}" if existing else "no checkpoint was written before"
        with _disk(f"the checkpoint of step {step} could not be written to {self.folder}", f"; {last}"):
            buffer = io.BytesIO()
            torch.save(state, buffer)
            content = buffer.getvalue()
            path = self.folder / "checkpoints" / f"step-{step:08d}.{_digest(content)}.pt"
            write_atomically(path, content)
        earlier = [old for old in existing if old != step]
        for old in earlier[: max(len(earlier) + 1 - keep, 0)]:
            if old != best:
                existing[old].unlink()
        if step in existing and existing[step] != path:
            existing[step].unlink()
        return path

    def load(self, step: int | None = None, device: torch.device | str = "cpu") -> State | None:
        """The newest checkpoint that is whole (or step `step`'s), None where there never was one.

        A damaged one is named on stderr before an older one takes its place; UserError where none is whole.
        """
        paths = [path for each, path in self.checkpoints().items() if step in (None, each)]
        for path in reversed(paths):
            content = path.read_bytes()
            if _digest(content) == path.name.split(".")[1]:
                return _loaded(path, content, device)
            print(f"gnref: {path} is damaged (its checksum differs); trying the one before it", file=sys.stderr)
        if paths:
            raise UserError(f"{self.folder}: every checkpoint is damaged; restore one, or start in another folder")
        return None

    # Metrics

    def log(self, line: Mapping[str, Any]) -> None:
        """Append one line to `metrics.jsonl`."""
        with _disk(f"metrics.jsonl could not be written in {self.folder}"), self._metrics.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of `metrics.jsonl`; one that a kill cut short is left out."""
        lines = []
        for text in self._metrics.read_text().splitlines() if self._metrics.exists() else []:
            try:
                lines.append(json.loads(text))
            except ValueError:
                break
        return lines

    def rewind(self, step: int) -> None:
        """Forget the metrics after `step`: the run goes on from there."""
        kept = [json.dumps(line) + "\n" for line in self.metrics() if line["step"] <= step]
        with _disk(f"metrics.jsonl could not be written in {self.folder}"):
            write_atomically(self._metrics, "".join(kept).encode())

    @property
    def _metrics(self) -> Path:
        return self.folder / "metrics.jsonl"


def build_generator(spec: Mapping[str, Any]) -> nn.Module:
    """The generator that `experiment.json` describes: `{"class": ..., "arguments": {...}}`, a class of `networks`."""
    if spec["class"] not in networks.__all__ or not spec["class"].endswith("Generator"):
        raise UserError(f"experiment.json names a generator this version does not have: {spec['class']}")
    generator: nn.Module = getattr(networks, spec["class"])(**spec["arguments"])
    return generator


def load_generator(
    run: Path | str, ema: bool | None = None, best: bool = False, device: torch.device | str = "cpu"
) -> nn.Module:
    """A run's generator in evaluation mode, from its newest checkpoint or the best by its score.

    `ema` chooses the moving average or G's own weights; None is what the experiment scores. Raises UserError for a
    folder that is no run, without a checkpoint or, with `best`, without a score.
    """
    folder = Run(run)
    description = folder.description()
    state = folder.load(device=device)
    if state is None:
        raise UserError(f"{run} has no checkpoint yet; `gnref train` writes them")
    if best:
        if not state["best"]:
            raise UserError(f"{run} was trained without scores: no checkpoint is known to be its best")
        state = folder.load(state["best"]["step"], device)
    assert state is not None
    if ema is None:
        ema = description["experiment"]["score_ema"]
    generator = build_generator(description["generator"])
    load_weights(generator, state["average" if ema else "generator"], str(run))
    return generator.to(device).eval()


def load_weights(module: nn.Module, weights: Mapping[str, torch.Tensor], where: str) -> None:
    """`module.load_state_dict`, with one sentence for weights of another architecture."""
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        detail = str(error).splitlines()[1].strip()
        raise UserError(
            f"{where}: the checkpoint is of another architecture than {type(module).__name__}: {detail}"
        ) from None


def _loaded(path: Path, content: bytes, device: torch.device | str) -> State:
    try:
        state: State = torch.load(io.BytesIO(content), map_location=device, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError):
        raise UserError(f"{path} is whole but no checkpoint of gnref, and was not loaded; take it away") from None
    return state


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


@contextmanager
def _disk(what: str, after: str = "") -> Iterator[None]:
    """An OSError of the block as one sentence."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{what}: {error.strerror}{after}; make room or choose another place, then run it again"
        ) from None
