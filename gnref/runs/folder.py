"""A run folder: `experiment.json`, `metrics.jsonl`, `checkpoints/`. A run can be killed at any moment.

A checkpoint's name holds its step and the first 16 digits of its SHA-256, `step-00001000.0123456789abcdef.pt`; it is
written beside, flushed, and renamed, so that a file under such a name is whole or is found out. Loading runs no code.
"""

import fcntl
import hashlib
import io
import json
import os
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import torch

from gnref.errors import UserError
from gnref.files import write_atomically

State = dict[str, Any]

_NAME = re.compile(r"step-(\d{8})\.([0-9a-f]{16})\.pt")
_PARTIAL = re.compile(
    r"(experiment\.json|metrics\.jsonl|checkpoints/step-\d{8}\.[0-9a-f]{16}\.pt|samples/\d{8}\.png)\.\d+\.partial"
)
"""What a killed run can leave half written; nothing else is deleted."""


class Run:
    """The folder of one run. Methods that write are one process's: the holder of `locked()`."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self._lock: IO[str] | None = None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder; UserError where another process does. The lock goes with its process, however that ends."""
        self._take_lock()
        try:
            for leftover in self.folder.rglob("*.partial"):
                if _PARTIAL.fullmatch(str(leftover.relative_to(self.folder))):
                    leftover.unlink()
            yield
        finally:
            if self._lock is not None:
                self._lock.close()
            self._lock = None

    def _take_lock(self) -> None:
        with _disk(f"the run folder {self.folder} cannot be written"):
            (self.folder / "checkpoints").mkdir(parents=True, exist_ok=True)
            file = (self.folder / "lock").open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with file:
                file.seek(0)
                holder = file.read() or "unknown"
            raise UserError(
                f"{self.folder} is in use by process {holder}; wait for it, or name another folder"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._lock = file

    def _keep_lock(self) -> None:
        """Where somebody has deleted the lock file, take another, unless a second process was quicker."""
        if self._lock is None:
            return
        try:
            ours = os.path.samestat((self.folder / "lock").stat(), os.fstat(self._lock.fileno()))
        except FileNotFoundError:
            ours = False
        if not ours:
            lost, self._lock = self._lock, None
            with lost:
                self._take_lock()

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
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise UserError(f"{path} is damaged ({error}); restore it or start in another folder") from None
        for key in ("experiment", "generator"):
            if not isinstance(content, dict) or not isinstance(content.get(key), dict):
                raise UserError(f"{path} is damaged: it has no {key}; restore it or start in another folder")
        described: dict[str, Any] = content
        return described

    # Checkpoints

    def checkpoints(self) -> dict[int, Path]:
        """The checkpoints on disk by their steps, oldest first."""
        found = [
            (match, path) for path in self.folder.glob("checkpoints/*.pt") if (match := _NAME.fullmatch(path.name))
        ]
        return dict(sorted((int(match[1]), path) for match, path in found))

    def save(self, state: State, keep: int) -> Path:
        """Write a checkpoint of `state["step"]`, then drop all but the last `keep` and the best (`state["best"]`)."""
        self._keep_lock()
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
            try:
                content = path.read_bytes()
            except OSError as error:
                raise UserError(f"{path} cannot be read: {error.strerror}") from None
            if _digest(content) == path.name.split(".")[1]:
                return _loaded(path, content, device)
            if path != paths[0]:
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
        """The lines of `metrics.jsonl`; a last one that a kill cut short is left out.

        Raises:
            UserError: where an earlier line is damaged: what follows it is not dropped in silence.
        """
        lines: list[dict[str, Any]] = []
        texts = self._metrics.read_text(errors="replace").splitlines(keepends=True) if self._metrics.exists() else []
        for number, text in enumerate(texts, 1):
            try:
                line = json.loads(text)
                if not isinstance(line, dict) or not isinstance(line.get("step"), int):
                    raise ValueError("no line with a step")
            except ValueError as error:
                if number == len(texts) and not text.endswith("\n"):
                    break
                raise UserError(
                    f"{self._metrics}, line {number}, is damaged ({error}); restore it or delete it"
                ) from None
            lines.append(line)
        return lines

    def rewind(self, step: int) -> None:
        """Forget the metrics after `step`: the run goes on from there."""
        kept = [json.dumps(line) + "\n" for line in self.metrics() if line["step"] <= step]
        with _disk(f"metrics.jsonl could not be written in {self.folder}"):
            write_atomically(self._metrics, "".join(kept).encode())

    @property
    def _metrics(self) -> Path:
        return self.folder / "metrics.jsonl"


def _loaded(path: Path, content: bytes, device: torch.device | str) -> State:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a pickle that torch.save did not write
            state = torch.load(io.BytesIO(content), map_location=device, weights_only=True)
    except torch.OutOfMemoryError:
        raise  # of the device, and no fault of the file
    # Of bytes that are no checkpoint, torch.load raises UnpicklingError, RuntimeError, EOFError, KeyError and others.
    except Exception:
        state = None
    best = state.get("best") if isinstance(state, dict) else None
    right = isinstance(state, dict) and isinstance(state.get("step"), int) and "best" in state
    if not right or not (best is None or (isinstance(best, dict) and isinstance(best.get("step"), int))):
        raise UserError(f"{path} is whole but no checkpoint of gnref, and was not loaded; take it away")
    checked: State = state
    return checked


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
