"""Statistics of real images that others computed: a .npz file with `mu` and `sigma`, for FID and nothing else.

The original code, pytorch-fid and clean-fid keep their references so. Nothing in such a file says of which images it
is, how these were resized, or which network's features they are: FID means what it says only where all three are the
protocol's.
"""

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import torch

from gnref.errors import UserError
from gnref.evaluation.features import FeatureSpace
from gnref.evaluation.protocol import Protocol
from gnref.evaluation.reference import Reference
from gnref.evaluation.scores import Gaussian

_LARGEST = 8 * (8192 + 1) * 8192 + 10_000
"""Bytes of μ and Σ of 8192 features in float64: no network in use has more, and a larger file is something else."""


def holds_statistics(path: Path) -> bool:
    """Whether this is a .npz file with `mu` and `sigma`; a file of images, or a broken one, is not."""
    if not path.is_file():
        return False
    try:
        with zipfile.ZipFile(path) as file:
            return {"mu.npy", "sigma.npy"} <= set(file.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def read_statistics(path: Path, protocol: Protocol, space: FeatureSpace) -> Reference:
    """A reference of mean μ (d,) and covariance Σ (d, d) alone: it scores FID, has no KID and no floor.

    Raises:
        UserError: for a damaged file, and for statistics that are no Gaussian of the feature space's d dimensions.
    """
    try:
        with zipfile.ZipFile(path) as file:
            if sum(file.getinfo(f"{name}.npy").file_size for name in ("mu", "sigma")) > _LARGEST:
                raise UserError(f"{path}: mu and sigma are larger than those of 8192 features; these are no statistics")
        with np.load(path, allow_pickle=False) as arrays:
            mean, covariance = arrays["mu"], arrays["sigma"]
    except UserError:
        raise
    except Exception as failure:  # numpy and zipfile raise half a dozen types for a broken file
        raise UserError(f"expected readable mu and sigma in {path}: {failure}") from None
    with torch.no_grad():
        one = torch.zeros(1, 3, protocol.size, protocol.size, dtype=torch.uint8, device=space.device)
        d = space.network(one)[0].shape[1]
    if (mean.shape, covariance.shape) != ((d,), (d, d)):
        raise UserError(
            f"expected mu ({d},) and sigma ({d}, {d}) for {space.name} in {path}, got {mean.shape} and "
            f"{covariance.shape}; they are of other features"
        )
    numbers = all(each.dtype.kind == "f" and np.isfinite(each).all() for each in (mean, covariance))
    if not numbers or (np.diagonal(covariance) < 0).any():
        raise UserError(f"expected finite floats, with variances of 0 or more, as mu and sigma in {path}")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Reference(
        protocol,
        space.name,
        space.digest,
        f"mu and sigma in {path.name}, SHA-256 {digest[:16]}",
        False,
        None,
        Gaussian(mean, covariance.astype(np.float64)),
        {},
        f"mean and covariance in {path} alone, so that there is neither KID nor a score of real images",
    )
