"""LSUN's LMDB archives (church outdoor), squeezed to a square as in the original configuration."""

import io
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from gnref.data.decode import decode, pixels
from gnref.data.images import ImageFiles, missing
from gnref.errors import UserError

_SOURCE = (
    "http://dl.yf.io/lsun/scenes/church_outdoor_train_lmdb.zip; unpack it, and give the folder "
    "church_outdoor_train_lmdb or the one that holds it"
)


def lsun(folder: Path, size: int = 256, name: str = "church_outdoor_train_lmdb") -> ImageFiles:
    """Every image of the archive in the order of its keys, decoded when asked for, (N, 3, size, size), no labels.

    The whole image is resized to the square, whatever its proportions (bilinear): original configuration. Raises
    UserError for a folder without the archive and for a damaged one; decoding names the key of a bad image.
    """
    place = folder if (folder / "data.mdb").is_file() else folder / name
    file = place / "data.mdb"
    if not file.is_file():
        raise missing(folder, f"LSUN's {name} with data.mdb in it", _SOURCE)
    try:
        import lmdb
    except ImportError:
        raise UserError("LSUN's archives are read by lmdb; install it with: pip install 'gnref[train]'") from None
    try:
        archive = lmdb.open(str(place), readonly=True, lock=False, readahead=False, max_readers=64)
        # Reading past the end of a truncated file would end the process (SIGBUS).
        if (archive.info()["last_pgno"] + 1) * archive.stat()["psize"] > file.stat().st_size:
            raise UserError(f"{file} is truncated; unpack the archive again")
        with archive.begin() as transaction, transaction.cursor() as cursor:
            keys = list(cursor.iternext(keys=True, values=False))
    except lmdb.Error as error:
        raise UserError(f"{file} is damaged or truncated ({error}); unpack the archive again") from None
    if not keys:
        raise UserError(f"{file} holds no image; unpack the archive again from {_SOURCE}")
    return ImageFiles(keys, partial(_decode, archive=archive, place=place, size=size), size, files=(file,))


def _decode(key: object, archive: Any, place: Path, size: int) -> Tensor:
    from PIL.Image import Resampling

    with archive.begin() as transaction:
        content = transaction.get(key)
    picture = decode(io.BytesIO(content), f"{place / 'data.mdb'}: the image of key {key!r}")
    return pixels(picture.resize((size, size), Resampling.BILINEAR))
