"""Evidence: what one run measured, under which settings, by which code; one JSON file a run in `results/`.

    {"artefact": ..., "scale": ..., "name": ..., "seed": ..., "settings": {...},      what was run: the file's key
     "scores": {...},                                                                 what came out (null: diverged)
     "command", "commit", "versions", "device", "seconds", "date",                    how
     "checksum"}                                                                      sha256 of everything above

A run is keyed by its settings, not by the table that asked for it, so one run serves every table it belongs to.
"""

import hashlib
import json
import math
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gnref.errors import UserError
from gnref.files import write_atomically

RESULTS = Path(__file__).parent / "results"
ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Evidence:
    """One run's record; `scores` maps a score's name to its value, None where the run diverged."""

    name: str
    scale: str
    seed: int
    settings: dict[str, Any]
    scores: dict[str, float | None]
    command: str
    seconds: float
    commit: str = field(default_factory=lambda: commit())
    versions: dict[str, str] = field(default_factory=lambda: versions())
    device: str = field(default_factory=lambda: device())
    date: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @property
    def key(self) -> str:
        """What was run, as eight hexadecimal digits: scale, settings and seed."""
        return key(self.scale, self.settings, self.seed)

    @property
    def key_without_seed(self) -> str:
        """What was run but for the seed: sessions of one cell share it."""
        return key(self.scale, self.settings, -1)

    @property
    def file(self) -> Path:
        """Where it is kept."""
        return place(self.name, self.scale, self.settings, self.seed)

    def value(self, score: str) -> float:
        """A score; a diverged run's is infinite, so that no mean can hide it."""
        found = self.scores[score]
        return math.inf if found is None else found


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def key(scale: str, settings: Mapping[str, Any], seed: int) -> str:
    """Eight hexadecimal digits that change with every setting."""
    return _digest([scale, dict(settings), seed])[:8]


def place(name: str, scale: str, settings: Mapping[str, Any], seed: int) -> Path:
    """The file of a run: `results/<scale>-<name>-seed<seed>-<key>.json`."""
    return RESULTS / f"{scale}-{name}-seed{seed}-{key(scale, settings, seed)}.json"


def write(evidence: Evidence) -> Path:
    """Write the record whole or not at all."""
    record = asdict(evidence)
    record["checksum"] = _digest(record)
    text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
    keep(evidence.file, text)
    return evidence.file


def keep(path: Path, content: str) -> None:
    """Write it wholly or not at all; a full disk is one sentence and leaves nothing behind."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        raise UserError(
            f"{path} could not be written ({error.strerror}); free some space and run the same command again"
        ) from error


def read(path: Path) -> Evidence:
    """Read a record; UserError where it is not what a run wrote."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        checksum = record.pop("checksum")
        evidence = Evidence(**record)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path} is not a record of a run ({error!r}); restore it from version control, or delete it and run again"
        ) from error
    if checksum != _digest(record):
        raise UserError(
            f"{path} was changed after its run wrote it (its checksum does not fit); "
            "restore it from version control, or delete it and run again"
        )
    if evidence.file.name != path.name:
        raise UserError(f"{path} holds the run that belongs in {evidence.file.name}; restore it from version control")
    return evidence


def find(name: str, scale: str, settings: Mapping[str, Any], seed: int) -> Evidence | None:
    """The record of exactly this run, or None."""
    path = place(name, scale, settings, seed)
    return read(path) if path.exists() else None


def find_all(name: str, scale: str, settings: Mapping[str, Any], seeds: Sequence[int]) -> list[Evidence]:
    """The records there are, one a seed."""
    found = (find(name, scale, settings, seed) for seed in seeds)
    return [evidence for evidence in found if evidence is not None]


def everything() -> list[Evidence]:
    """Every record in `results/`, each with its checksum checked."""
    return [read(path) for path in sorted(RESULTS.glob("*-seed*.json"))]


def commit() -> str:
    """The commit of the code that runs, with a plus where the working tree differs in what it imports."""
    try:
        head = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", "gnref", "reproductions/*.py")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head[:12] + ("+" if changed else "")


def _git(*arguments: str) -> str:
    run = subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True)
    return run.stdout.strip()


def versions() -> dict[str, str]:
    """Of what a number can depend on."""
    import numpy
    import torch

    return {"python": platform.python_version(), "torch": str(torch.__version__), "numpy": numpy.__version__}


def device() -> str:
    """The device that `--run` computes on."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"CPU ({platform.machine()}, {torch.get_num_threads()} thread{'s' * (torch.get_num_threads() > 1)})"


def script() -> str:
    """The running script, as a person types it from the root."""
    return f"python {os.path.relpath(sys.argv[0], ROOT)}"
