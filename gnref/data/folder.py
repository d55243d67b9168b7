"""A folder of images: CelebA-HQ, or anyone's own."""

from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gnref.data.images import ImageFiles, missing
from gnref.errors import UserError

_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}


def folder_of_images(folder: Path, size: int, source: str = "anywhere: any images will do") -> ImageFiles:
    """Every image below `folder`, in the order of the paths, decoded when asked for.

    An image is `size` x `size` pixels, or a whole number of times larger: then it is the mean of each block of pixels.
    Where every image lies in a sub-folder, the sub-folders in alphabetical order are the classes 0, 1, ...
    Raises UserError for a folder without images; decoding raises UserError with the name of a bad file or a wrong size.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES) if folder.is_dir() else []
    if not paths:
        raise missing(
            folder,
            f"a folder of {size} x {size} images (png, jpg or webp), with one sub-folder a class or none",
            source,
        )
    classes = sorted({path.relative_to(folder).parts[0] for path in paths if path.parent != folder})
    labels = None
    if all(path.parent != folder for path in paths):
        number = {name: k for k, name in enumerate(classes)}
        labels = torch.tensor([number[path.relative_to(folder).parts[0]] for path in paths])
    return ImageFiles(paths, partial(_decode, size=size), size, labels)


def _decode(path: object, size: int) -> Tensor:
    from PIL import Image

    assert isinstance(path, Path)
    try:
        with Image.open(path) as opened:
            image = opened.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise UserError(
            f"{path} cannot be read as an image ({error}); replace it or take it out of the folder"
        ) from None
    width, height = image.size
    if width != height or width % size:
        raise UserError(
            f"{path} is {width} x {height} pixels, expected {size} x {size} "
            "or a whole multiple; crop or resize the images first"
        )
    if width != size:
        image = image.reduce(width // size)
    return torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)
