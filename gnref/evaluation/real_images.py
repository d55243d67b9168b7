"""The real images of a protocol, read as training reads them."""

from pathlib import Path

from gnref.data.cifar10 import cifar10
from gnref.data.folder import folder_of_images
from gnref.data.images import Images
from gnref.data.lsun import lsun
from gnref.data.stl10 import stl10
from gnref.evaluation.images import LOSSY, from_npz
from gnref.evaluation.protocol import Protocol


def real_images(protocol: Protocol, path: Path) -> Images:
    """The images at `path`: the data set as its authors distribute it, a folder of image files, or a .npz file.

    Raises UserError where `path` holds none of these.
    """
    if path.suffix == ".npz":
        return from_npz(path, protocol.size)
    if any(file.suffix.lower() in {".png", *LOSSY} for file in path.rglob("*")):
        return folder_of_images(path, protocol.size)
    match protocol.dataset:
        case "cifar10-train" | "cifar10-test":
            return cifar10(path, train=protocol.dataset == "cifar10-train")
        case "stl10":
            return stl10(path, size=protocol.size)
        case "lsun-church":
            return lsun(path, protocol.size)
        case _:
            return folder_of_images(path, protocol.size)
