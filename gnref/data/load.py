"""A data set by its name, from the folder a user has it in."""

import os
from pathlib import Path

import torch

from gnref.data import Dataset
from gnref.data.cifar10 import cifar10
from gnref.data.folder import folder_of_images
from gnref.data.images import ImageFiles, Images, ImageSet
from gnref.data.lsun import lsun
from gnref.data.shapes import shapes
from gnref.data.stl10 import stl10
from gnref.errors import UserError

SHAPES_COUNT = 20_000
_CELEBAHQ = "https://github.com/tkarras/progressive_growing_of_gans (CelebA-HQ), exported as one png or jpg an image"


def load(dataset: Dataset, folder: Path | None, size: int, device: torch.device | str = "cpu") -> Images:
    """The training images of `dataset` at `size` pixels; in memory on `device` where half of what is free holds them.

    `shapes` is computed (seed 0) and needs no folder; everything else is read from `folder`. CIFAR-10 may also be a
    folder of images, one sub-folder a class. Raises UserError for a folder that does not hold the data set.
    """
    if dataset == "shapes":
        return ImageSet(*shapes(SHAPES_COUNT, size)).to(device)
    if folder is None:
        raise UserError(f"{dataset} needs its images: say --data FOLDER (shapes-* experiments need none)")
    images = _read(dataset, folder, size)
    if images.size != size:
        raise UserError(f"{folder}: {dataset} has images of {images.size} pixels, but the experiment takes {size}")
    if 3 * size * size * len(images) > _free_bytes(torch.device(device)) // 2:
        return images
    if isinstance(images, ImageFiles):
        images = images.in_memory()
    return images.to(device)


def _read(dataset: Dataset, folder: Path, size: int) -> ImageSet | ImageFiles:
    match dataset:
        case "cifar10":
            classes = [path for path in folder.glob("*") if path.is_dir()] if folder.is_dir() else []
            return folder_of_images(folder, size) if len(classes) == 10 else cifar10(folder)
        case "stl10":
            return stl10(folder, size=size)
        case "celebahq":
            return folder_of_images(folder, size, _CELEBAHQ)
        case "lsun-church":
            return lsun(folder, size)
        case _:
            return folder_of_images(folder, size)


def _free_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
