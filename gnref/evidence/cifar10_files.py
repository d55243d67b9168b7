"""Is this CIFAR-10 as its author distributes it? By the checksums that torchvision and others publish."""

import hashlib
from functools import lru_cache
from pathlib import Path

ARCHIVE = "cifar-10-python.tar.gz"
ARCHIVE_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
BATCHES_MD5 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}


def differs(folder: Path) -> str | None:
    """Which of the archive and the Python batches in `folder`, or in its cifar-10-batches-py, is not as published.

    None where all that are there are; other forms of the data, such as the binary files, have no checksums here.
    """
    found = [(folder / ARCHIVE, "sha256", ARCHIVE_SHA256)]
    for place in (folder, folder / "cifar-10-batches-py"):
        found += [(place / name, "md5", expected) for name, expected in BATCHES_MD5.items()]
    for path, kind, expected in found:
        if path.is_file():
            state = path.stat()
            digest = _digest(path, kind, state.st_mtime_ns, state.st_size)
            if digest != expected:
                return f"{path} has the {kind.upper()} {digest}, not {expected}: get the archive again and unpack it"
    return None


@lru_cache(maxsize=64)
def _digest(path: Path, kind: str, written: int, size: int) -> str:
    """The file's; `written` and `size` tell one state of it from another."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()
