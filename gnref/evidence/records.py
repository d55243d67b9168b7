"""Records: what one run measured, under which settings, by which code; one JSON line a run in `results/<scale>.jsonl`.

    {"name": ..., "scale": ..., "seed": ..., "settings": {...},                       what was run: the record's key
     "scores": {...},                                                                 what came out (null: diverged)
     "command", "seconds", "commit", "versions", "device", "date", "revision",        how
     "checksum"}                                                                      sha256 of everything above

A run is keyed by its settings, not by the table that asked for it, so one run serves every table it belongs to.
"""

import fcntl
import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from gnref.errors import UserError
from gnref.files import write_atomically


@dataclass(frozen=True)
class Record:
    """One run; `scores` maps a score's name to its value, None where the run diverged."""

    name: str
    scale: str
    seed: int
    settings: dict[str, Any]
    scores: dict[str, float | None]
    command: str
    seconds: float
    commit: str
    versions: dict[str, str]
    device: str
    date: str
    revision: int | None = None
    """Of the trainer and the scorer (`gnref.evidence.revision`); None where the run rests on neither."""

    @property
    def id(self) -> str:
        """`<scale>-<name>-seed<seed>-<key>`, the key being eight hexadecimal digits that change with every setting."""
        return identity(self.name, self.scale, self.settings, self.seed)

    @property
    def key_without_seed(self) -> str:
        """What was run but for the seed: sessions of one cell share it."""
        return key(self.scale, self.settings, -1)

    def value(self, score: str) -> float:
        """A score; a diverged run's is infinite, so that no mean can hide it."""
        found = self.scores[score]
        return math.inf if found is None else found


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


LATER: Mapping[str, Any] = {"power_iteration": "pytorch", "lipschitz_constant": 1.0}
"""Settings that experiments have since they were added, and the values that every run before them had."""


def key(scale: str, settings: Mapping[str, Any], seed: int) -> str:
    """Eight hexadecimal digits that change with every setting; those of `LATER` count where they differ from it."""
    counted = {name: value for name, value in settings.items() if name not in LATER or value != LATER[name]}
    return _digest([scale, counted, seed])[:8]


def identity(name: str, scale: str, settings: Mapping[str, Any], seed: int) -> str:
    """The name by which a run's record is cited."""
    return f"{scale}-{name}-seed{seed}-{key(scale, settings, seed)}"


@dataclass(frozen=True)
class Records:
    """The records in one folder, one file a scale; the last line of a run counts."""

    folder: Path

    def file(self, scale: str) -> Path:
        """Where the records of a scale are kept."""
        return self.folder / f"{scale}.jsonl"

    def find(self, name: str, scale: str, settings: Mapping[str, Any], seed: int) -> Record | None:
        """The record of exactly this run, or None."""
        return self._read(scale).get(identity(name, scale, settings, seed))

    def find_all(self, name: str, scale: str, settings: Mapping[str, Any], seeds: Sequence[int]) -> list[Record]:
        """The records there are, one a seed."""
        found = (self.find(name, scale, settings, seed) for seed in seeds)
        return [record for record in found if record is not None]

    def everything(self) -> list[Record]:
        """Every record of every scale, each with its checksum checked."""
        files = sorted(self.folder.glob("*.jsonl"))
        return [record for file in files for record in self._read(file.stem).values()]

    def append(self, record: Record) -> Path:
        """Add a line, under a lock and wholly or not at all: several processes may run at a time; the file written."""
        kept = asdict(record)
        line = json.dumps({**kept, "checksum": _digest(kept)}, ensure_ascii=False) + "\n"
        file = self.file(record.scale)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with _locked(self.folder):
                before = file.read_text(encoding="utf-8") if file.exists() else ""
                write_atomically(file, before + line)
        except OSError as error:
            raise UserError(
                f"{file} could not be written ({error.strerror}); free some space and run the same command again"
            ) from error
        return file

    def _read(self, scale: str) -> Mapping[str, Record]:
        file = self.file(scale)
        if not file.exists():
            return {}
        state = file.stat()
        return _parsed(file, state.st_mtime_ns, state.st_size)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time; a lock on the folder itself leaves no file behind and ends with the process."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@lru_cache(maxsize=16)
def _parsed(file: Path, written: int, size: int) -> Mapping[str, Record]:
    """The file's records by their names; `written` and `size` tell one state of the file from another."""
    lines = enumerate(file.read_text(encoding="utf-8").split("\n"), start=1)
    records = (parse(line, f"{file}, line {number}") for number, line in lines if line)
    return {record.id: record for record in records}


def parse(line: str, place: str) -> Record:
    """Read one line; UserError, naming its `place`, where it is not what a run wrote."""
    try:
        kept = json.loads(line)
        checksum = kept.pop("checksum")
        record = Record(**kept)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{place} is not a record of a run ({error!r}); restore it from version control, "
            "or delete the line and run again"
        ) from error
    if checksum != _digest(kept):
        raise UserError(
            f"{place} was changed after its run wrote it (its checksum does not fit); "
            "restore it from version control, or delete the line and run again"
        )
    return record
