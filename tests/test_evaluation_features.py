"""The feature spaces: what was shipped, how they rank known degradations, what they refuse; the torchvision shim."""

import hashlib
import itertools
import json
import os
import re
import subprocess
import sys
import urllib.error
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

import gnref
from gnref.data.shapes import shapes
from gnref.errors import UserError
from gnref.evaluation import (
    evaluate,
    feature_space,
)
from gnref.evaluation import features as features_module
from gnref.evaluation.shapes_features import SHIPPED, ShapesFeatures, load, untrained

SAMPLE_SEED = 7_000_001  # of no training set, reference or feature training
FID, KID, IS = (f"{score} in shapes-features" for score in ("FID", "KID", "IS"))


def test_shipped_weights_are_the_recorded_ones() -> None:
    record = json.loads(SHIPPED.with_suffix(".json").read_text())
    assert hashlib.sha256(SHIPPED.read_bytes()).hexdigest() == record["sha256"]
    assert SHIPPED.stat().st_size <= 1_500_000
    assert sum(parameter.numel() for parameter in load().parameters()) == record["parameters"]


@pytest.mark.parametrize("size", [16, 32])
def test_shipped_features_tell_the_classes_apart(size: int) -> None:
    """The record says at most 2 wrong of 2000. Of 1000 others, more than 10 wrong would then be ten times the rate."""
    images, labels = shapes(1000, size, SAMPLE_SEED)
    with torch.no_grad():
        assert (load()(images)[1].argmax(1) != labels).sum() <= 10


def _noisy(images: Tensor, deviation: float) -> Tensor:
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    return (images / 127.5 - 1 + 2 * deviation * noise).clamp(-1, 1)


def _blurred(images: Tensor, deviation: float) -> Tensor:
    tap = torch.exp(-(torch.arange(-4, 5.0) ** 2) / (2 * deviation**2))
    kernel = (tap[:, None] * tap / tap.sum() ** 2).expand(3, 1, 9, 9)
    return F.conv2d(F.pad(images / 127.5 - 1, (4,) * 4, mode="reflect"), kernel, groups=3).clamp(-1, 1)


@cache
def _many() -> tuple[Tensor, Tensor]:
    return shapes(5400, 32, SAMPLE_SEED)


def _classes(_: Tensor, count: float) -> Tensor:
    images, labels = _many()
    return images[labels < count][:2000]


def _few(images: Tensor, count: float) -> Tensor:
    return images[: int(count)].repeat(2000 // int(count), 1, 1, 1)


def _grey(images: Tensor, _: float) -> Tensor:
    return (images / 127.5 - 1).mean(1, keepdim=True).expand(-1, 3, -1, -1)


# From mild to strong.
DEGRADATIONS: dict[str, tuple[Callable[[Tensor, float], Tensor], tuple[float, ...]]] = {
    "noise": (_noisy, (0.1, 0.2)),
    "blur": (_blurred, (0.6, 1.0, 1.5)),
    "dropped modes": (_classes, (9, 7, 4)),
    "memorised images": (_few, (500, 100, 50)),
    "no colour": (_grey, (0,)),
}


@pytest.mark.parametrize("degradation", DEGRADATIONS)
def test_degradations_are_ranked(degradation: str) -> None:
    """At the protocol's 2000 images FID rises with every degradation, and each stands clear of the noise floor."""
    degrade, strengths = DEGRADATIONS[degradation]
    images = shapes(2000, 32, SAMPLE_SEED)[0]
    results = [evaluate(degrade(images, strength), "shapes") for strength in strengths]
    fids = [result["scores"][FID] for result in results]
    floor = results[0]["floor"][FID]
    assert all(weak < strong for weak, strong in itertools.pairwise([1.5 * floor, *fids])), (floor, fids)
    kids = [result["scores"][KID] for result in results]
    # KID's estimate is unbiased, so that memorising images of the data costs little: it is not asked to see that.
    assert kids == sorted(kids) or degradation == "memorised images"
    scores = [result["scores"][IS] for result in results]
    # The Inception Score looks at class and confidence alone.
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("degradation", ["noise", "blur", "memorised images", "no colour"])
def test_untrained_features_rank_as_well(degradation: str) -> None:
    """Where colour and sharpness are concerned; they hardly see classes."""
    degrade, strengths = DEGRADATIONS[degradation]
    images = shapes(2000, 32, SAMPLE_SEED)[0]
    results = [evaluate(degrade(images, strength), "shapes", features="random") for strength in strengths]
    name = "FID in random-features"
    fids = [results[0]["floor"][name], *(result["scores"][name] for result in results)]
    assert fids == sorted(fids)
    assert set(results[0]["scores"]) == {name, "KID in random-features", "KID deviation in random-features"}


def test_a_real_sample_scores_as_the_floor_does() -> None:
    """Two fresh samples of 2000: equal up to sampling, so within a factor of 1.5 that every degradation exceeds."""
    result = evaluate(shapes(2000, 32, SAMPLE_SEED)[0], "shapes")
    assert result["floor_sample"] == "a second sample of 2000 embedded shapes"
    assert 1 / 1.5 < result["scores"][FID] / result["floor"][FID] < 1.5
    assert all("shapes-features" in name for name in (*result["scores"], *result["floor"]))


def test_bad_features_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    with pytest.raises(UserError, match="no such file"):
        feature_space(path)
    path.write_bytes(b"not safetensors")
    with pytest.raises(UserError, match="they do not load"):
        feature_space(path)
    save_file({"weight": torch.zeros(1)}, path)
    with pytest.raises(UserError, match="they do not load"):
        feature_space(path)
    with pytest.raises(UserError, match='expected features "inception", "shapes"'):
        feature_space("vgg")
    save_file(untrained(3).state_dict(), path)
    assert feature_space(path).label("FID") == "FID in features of mine.safetensors"
    assert isinstance(feature_space(path).network, ShapesFeatures)


def test_missing_inception_weights_name_file_place_and_checksum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    name = "weights-inception-2015-12-05-6726825d.pth"
    with pytest.raises(UserError, match=f"put the file {name} .*SHA-256 starting with 6726825d.* into {tmp_path}"):
        feature_space("inception")
    (tmp_path / "checkpoints" / name).write_bytes(b"truncated")
    with pytest.raises(UserError, match="SHA-256 that starts with 6726825d, got"):
        feature_space("inception")
    assert features_module.INCEPTION_URL.endswith(name)


SHIM = """
import sys
from gnref.evaluation import torchvision_shim as shim
assert shim.import_torchvision().__name__ == "torchvision"
print(len(shim._libraries))
"""


@pytest.mark.parametrize(
    ("body", "declared"),
    [
        ("import torch\ntorch.library.register_fake('torchvision::nms')(lambda *a: None)", "1"),
        ("", "0"),
        ("raise RuntimeError('another failure')", "RuntimeError: another failure"),
    ],
    ids=["compiled part missing", "healthy", "failing otherwise"],
)
def test_torchvision_is_helped_only_where_it_needs_it(tmp_path: Path, body: str, declared: str) -> None:
    """Three torchvisions of our own in place of the installed one."""
    (tmp_path / "torchvision.py").write_text(body)
    path = os.pathsep.join([str(tmp_path), str(Path(gnref.__file__).parents[1])])
    run = subprocess.run(
        [sys.executable, "-c", SHIM], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
    )
    assert (run.stdout + run.stderr).strip().splitlines()[-1] == declared, run.stderr


def test_only_the_shim_imports_torchvision() -> None:
    root = Path(gnref.__file__).parent
    importing = [
        path.name
        for path in root.rglob("*.py")
        if re.search(r"^\s*(import|from) torchvision", path.read_text(), re.MULTILINE)
    ]
    assert importing == []
    assert 'import_module("torchvision")' in (root / "evaluation" / "torchvision_shim.py").read_text()
