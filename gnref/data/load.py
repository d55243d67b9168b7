"""A data set by its name, from the folder a user has it in."""

from contextlib import suppress
from pathlib import Path
from typing import Literal, get_args

import torch

from gnref.data import Dataset
from gnref.data.arrays import from_npz
from gnref.data.cifar10 import cifar10
from gnref.data.folder import folder_of_images
from gnref.data.images import ImageFiles, Images, ImageSet, Missing, free_bytes
from gnref.data.lsun import lsun
from gnref.data.points import PointSet, grid_centres, mixture, ring_centres
from gnref.data.shapes import shapes
from gnref.data.stl10 import stl10
from gnref.errors import UserError

SHAPES_COUNT = 20_000
_ANY = "anywhere: any images will do"
POINTS_COUNT = 100_000
_CENTRES = {"ring": ring_centres, "grid": grid_centres}
_CELEBAHQ = "https://github.com/tkarras/progressive_growing_of_gans (CelebA-HQ), exported as one png or jpg an image"


def load(dataset: Dataset, folder: Path | None, size: int, device: torch.device | str = "cpu") -> Images:
    """The training images of `dataset` at `size` pixels; in memory on `device` where half of what is free holds them.

    `shapes`, `ring` and `grid` are computed (seed 0) and need no folder; everything else is read from `folder` (see
    `read`).

    Raises:
        UserError: for a folder that does not hold the data set.
    """
    if dataset not in get_args(Dataset):
        raise UserError(f"expected a data set among {', '.join(get_args(Dataset))}, got {dataset!r}")
    if dataset == "shapes":
        return ImageSet(*shapes(SHAPES_COUNT, size)).to(device)
    if dataset in _CENTRES:
        points, _ = mixture(_CENTRES[dataset](), POINTS_COUNT, generator=torch.Generator().manual_seed(0))
        return PointSet(points.to(device))
    if folder is None:
        raise UserError(f"{dataset} needs its images: say --data FOLDER (shapes-* experiments need none)")
    images = read(dataset, folder, size)
    if images.size != size:
        raise UserError(f"{folder}: {dataset} has images of {images.size} pixels, but the experiment takes {size}")
    if 3 * size * size * len(images) > free_bytes(device) // 2:
        return images
    if isinstance(images, ImageFiles):
        images = images.in_memory()
    return images.to(device)


def read(dataset: Dataset | Literal["cifar10-test"], path: Path, size: int) -> ImageSet | ImageFiles:
    """The images of `dataset` at `path`: the files its authors distribute, a folder of images, or a .npz file.

    Raises:
        UserError: where `path` holds none of these.
    """
    if path.suffix == ".npz":
        return from_npz(path, size)
    try:
        match dataset:
            case "cifar10" | "cifar10-test":
                return cifar10(path, train=dataset == "cifar10")
            case "stl10":
                return stl10(path, size=size)
            case "lsun-church":
                return lsun(path, size)
            case "shapes" | "celebahq" | "folder" | "ring" | "grid":
                return folder_of_images(path, size, _CELEBAHQ if dataset == "celebahq" else _ANY)
    except Missing as absent:
        # The same images, saved one by one.
        with suppress(Missing):
            return folder_of_images(path, size)
        raise absent
