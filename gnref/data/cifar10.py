"""CIFAR-10 as users have it: the python batches, or the binary files."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gnref.data.images import ImageSet, missing
from gnref.errors import UserError

_PER_FILE = 10_000
_LAYOUT = """CIFAR-10 (data_batch_1 .. data_batch_5 and test_batch, or the same names with .bin)"""
_SOURCE = (
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz; unpack it, and give the folder cifar-10-batches-py "
    "or the one that holds it"
)

Bytes = NDArray[np.uint8]


def cifar10(folder: Path, train: bool = True) -> ImageSet:
    """The 50,000 training images, or the 10,000 test images, (N, 3, 32, 32) with labels 0..9.

    Raises UserError for a folder without the files, and names a file that is truncated or holds something else.
    """
    names = [f"data_batch_{number}" for number in range(1, 6)] if train else ["test_batch"]
    for place in (folder, folder / "cifar-10-batches-py", folder / "cifar-10-batches-bin"):
        for suffix, read in (("", _python_batch), (".bin", _binary_batch)):
            paths = [place / (name + suffix) for name in names]
            if paths[0].is_file():
                parts = [read(path) for path in paths]
                images = np.concatenate([images for images, _ in parts]).reshape(-1, 3, 32, 32)
                labels = np.concatenate([labels for _, labels in parts]).astype(np.int64)
                return ImageSet(torch.from_numpy(images), torch.from_numpy(labels))
    raise missing(folder, _LAYOUT, _SOURCE)


class _ArraysOnly(pickle.Unpickler):
    """Reads a pickle of containers, numbers, strings and arrays; anything that could run code is refused."""

    _reconstruct: Any = np.empty(0).__reduce__()[0]

    def find_class(self, module: str, name: str) -> Any:
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return self._reconstruct
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def _python_batch(path: Path) -> tuple[Bytes, Bytes]:
    try:
        with path.open("rb") as file:
            content = _ArraysOnly(file, encoding="bytes").load()
        images, labels = content[b"data"], np.asarray(content[b"labels"])
    except FileNotFoundError:
        raise UserError(f"{path} is missing: CIFAR-10 needs {_LAYOUT}; get it from {_SOURCE}") from None
    # A damaged pickle can raise nearly anything; whatever it is, the file is not a batch of CIFAR-10.
    except Exception as error:
        raise UserError(
            f"{path} is no batch of CIFAR-10, or a damaged one ({error}); unpack the archive again"
        ) from None
    return _checked(path, images, labels)


def _binary_batch(path: Path) -> tuple[Bytes, Bytes]:
    try:
        rows = np.fromfile(path, np.uint8)
    except FileNotFoundError:
        raise UserError(f"{path} is missing: CIFAR-10 needs {_LAYOUT}; get it from {_SOURCE}") from None
    if rows.size != _PER_FILE * 3073:
        raise UserError(f"{path} has {rows.size} bytes, expected {_PER_FILE * 3073}: it is truncated; unpack it again")
    rows = rows.reshape(_PER_FILE, 3073)
    return _checked(path, rows[:, 1:], rows[:, 0])


def _checked(path: Path, images: Any, labels: Any) -> tuple[Bytes, Bytes]:
    right = isinstance(images, np.ndarray) and images.dtype == np.uint8 and images.shape == (_PER_FILE, 3072)
    if not right or labels.shape != (_PER_FILE,) or labels.min() < 0 or labels.max() > 9:
        raise UserError(
            f"{path}: expected {_PER_FILE} images of 3072 bytes with labels 0 to 9, "
            f"got images {getattr(images, 'shape', type(images).__name__)} and labels {labels.shape}"
        )
    return images, labels
