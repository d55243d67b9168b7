"""A folder of images: CelebA-HQ, or anyone's own."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from gnref.data.decode import decode, pixels
from gnref.data.images import ImageFiles, missing
from gnref.errors import UserError

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}
_OTHER_IMAGES = {
    ".avif", ".exr", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".pgm", ".ppm", ".psd", ".tga", ".tif", ".tiff",
}  # fmt: skip


def folder_of_images(
    folder: Path, size: int, source: str = "anywhere: any images will do", exact: bool = False
) -> ImageFiles:
    """Every image below `folder`, in the order of the paths, decoded when asked for (see `gnref.data.decode`).

    An image is `size` x `size` pixels, or, unless `exact`, a whole number of times larger: then it is the mean of each
    block of pixels. Where every image lies in a sub-folder, the sub-folders in alphabetical order are the classes
    0, 1, ... Links are followed; what is hidden (a name that begins with a dot) is left out, as are files that are no
    images by their names.

    Raises:
        UserError: for a folder without images, an image of a kind that is not read, and a name that leads to no file;
            decoding raises it with the name of a bad image or one of a wrong size.
    """
    if not isinstance(size, int) or not 1 <= size <= 2**15:
        raise UserError(f"expected a size of images from 1 to 32768 pixels, got {size!r}")
    paths = sorted(_image_paths(folder, set())) if folder.is_dir() else []
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
    return ImageFiles(paths, partial(_decode, size=size, exact=exact), size, labels, files=tuple(paths))


def _image_paths(folder: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    try:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in seen:
            raise UserError(f"{folder} leads to a folder that is read already; take that link away")
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as found:
            entries = [entry for entry in found if not entry.name.startswith(".")]
    except OSError as error:
        raise UserError(f"{folder} cannot be read ({error.strerror}); make it readable") from None
    for entry in entries:
        path, suffix = folder / entry.name, os.path.splitext(entry.name)[1].lower()
        if entry.is_dir():
            yield from _image_paths(path, seen)
        elif suffix in _OTHER_IMAGES:
            raise UserError(f"{path} is of a kind that gnref does not read; convert it to png, or take it away")
        elif suffix in SUFFIXES:
            if not entry.is_file():
                what = "a link to nothing" if entry.is_symlink() else "no file but a pipe, socket or device"
                raise UserError(f"{path} is {what}; take it out of the folder")
            yield path


def _decode(path: object, size: int, exact: bool) -> Tensor:
    assert isinstance(path, Path)
    try:
        with path.open("rb") as file:
            picture = decode(file, str(path))
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); make it readable, or take it away") from None
    width, height = picture.size
    if (width, height) != (size, size) and (exact or width != height or width % size):
        raise UserError(
            f"{path} is {width} x {height} pixels, expected {size} x {size}"
            f"{'' if exact else ' or a whole multiple'}; crop or resize the images first"
        )
    return pixels(picture if width == size else picture.reduce(width // size))
