"""What images are: a checksum over all of them, so that no other images are taken for them."""

import hashlib
import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import torch

from gnref.data.decode import RULES
from gnref.data.images import ImageFiles, Images, ImageSet
from gnref.errors import UserError
from gnref.files import write_atomically

_SETTLED = 2.0
"""Seconds after which another change of a file surely has another time: file systems count in up to two."""


def cache_folder() -> Path:
    """$GNREF_CACHE, by default ~/.cache/gnref."""
    if given := os.environ.get("GNREF_CACHE"):
        return Path(given)
    try:
        return Path.home() / ".cache" / "gnref"
    except RuntimeError:
        raise UserError("there is no home folder for the cache; set GNREF_CACHE to a folder for it") from None


def fingerprint(images: Images, progress: bool = False) -> str:
    """SHA-256 of all images: of their pixels, or of the contents of the files that they are decoded from.

    The contents are read at the first call, and again whenever the name, size, time or inode of any of the files has
    changed; what they were is noted in the cache.
    """
    hashed = hashlib.sha256(f"{len(images)} images of {images.size} pixels, decoding rules {RULES}".encode())
    if isinstance(images, ImageFiles | ImageSet) and images.files:
        hashed.update(_contents(images.files, progress).encode())
    else:
        for index in torch.split(torch.arange(len(images)), 100):
            hashed.update(images.fetch(index).cpu().numpy().tobytes())
    return hashed.hexdigest()


def _contents(files: Sequence[Path], progress: bool) -> str:
    """SHA-256 of all contents in order, from the cache where no file has changed since they were read."""
    before = _status(files)
    names = hashlib.sha256("\0".join(str(path.resolve()) for path in files).encode(errors="surrogateescape"))
    note = cache_folder() / f"contents-{names.hexdigest()[:32]}.json"
    try:
        noted = json.loads(note.read_bytes())
        if noted["status"] == before:
            return str(noted["contents"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # there is no such note, or a damaged one: the contents are read
    contents = _read(files, progress)
    # A file that changed a moment ago could change again without its time showing it.
    if _status(files) == before and time.time() - _newest(files) > _SETTLED:
        # Without the note the contents are read again the next time, and what they are stays the same.
        with suppress(OSError):
            note.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(note, json.dumps({"status": before, "contents": contents}))
    return contents


def _status(files: Sequence[Path]) -> str:
    hashed = hashlib.sha256()
    for path in files:
        found = path.stat()
        hashed.update(repr((found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)).encode())
    return hashed.hexdigest()


def _newest(files: Sequence[Path]) -> float:
    return max(max(found.st_mtime, found.st_ctime) for found in (path.stat() for path in files))


def _read(files: Sequence[Path], progress: bool) -> str:
    from tqdm import tqdm

    hashed = hashlib.sha256()
    for path in tqdm(files, desc="checksums", unit="files", leave=False, disable=None if progress else True):
        try:
            with path.open("rb") as file:
                hashed.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise UserError(f"{path} cannot be read ({error.strerror})") from None
    return hashed.hexdigest()
