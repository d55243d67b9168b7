"""Reference statistics that others computed: mu and sigma in a .npz file."""

from pathlib import Path

import numpy as np
import pytest

from gnref.data.shapes import shapes
from gnref.errors import UserError
from gnref.evaluation import evaluate, feature_space
from gnref.evaluation.protocol import PROTOCOLS
from gnref.evaluation.reference import reference
from gnref.evaluation.show import show

FID = "FID in shapes-features"
PROTOCOL = PROTOCOLS["shapes-16"]


@pytest.fixture(scope="module")
def gaussian():
    return reference(PROTOCOL, feature_space("shapes"), None).gaussian


def test_statistics_of_the_same_images_give_the_same_fid(gaussian, tmp_path: Path) -> None:
    """To the bit: FID is a function of mu and sigma."""
    file = tmp_path / "shapes.npz"
    np.savez(file, mu=gaussian.mean, sigma=gaussian.covariance)
    images = shapes(2000, 16, seed=7_000_001)[0]
    known, given = (evaluate(images, PROTOCOL, real=real, progress=False) for real in (None, file))
    assert given["scores"][FID] == known["scores"][FID]
    assert "KID in shapes-features" not in given["scores"]
    assert given["scores"]["IS in shapes-features"] == known["scores"]["IS in shapes-features"]
    assert (given["floor"], given["real"]) == ({}, None)
    text = show(given)
    assert "unknown" in text
    assert "2000 images against mu and sigma in shapes.npz, SHA-256 " in text


def test_statistics_that_are_none_are_refused(gaussian, tmp_path: Path) -> None:
    file = tmp_path / "wrong.npz"
    mean, covariance = gaussian.mean, gaussian.covariance
    for mu, sigma, says in (
        (mean[:-1], covariance[:-1, :-1], "they are of other features"),
        (mean, covariance[:, :-1], "they are of other features"),
        (np.full_like(mean, np.nan), covariance, "finite floats"),
        (mean, -covariance, "variances of 0 or more"),
        (mean.astype(int), covariance, "finite floats"),
        (mean.astype(object), covariance, "readable mu and sigma"),
        (mean, np.zeros((9000, 9000)), "larger than those of 8192 features"),
    ):
        np.savez_compressed(file, mu=mu, sigma=sigma)
        with pytest.raises(UserError, match=says):
            evaluate(shapes(2000, 16, seed=1)[0], PROTOCOL, real=file, progress=False)
