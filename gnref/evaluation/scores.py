"""Inception Score, FID and KID from features: torch-fidelity's arithmetic behind closed, typed arguments."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gnref.data.images import Images
from gnref.evaluation.features import FeatureSpace
from gnref.evaluation.images import batches
from gnref.evaluation.protocol import Protocol
from gnref.evaluation.torchvision_shim import import_torch_fidelity


@dataclass(frozen=True)
class Features:
    """φ of N images (N, d) float32 on the CPU, and their logits (N, classes) where the space has classes."""

    values: Tensor
    logits: Tensor | None


@dataclass(frozen=True)
class Gaussian:
    """Mean (d,) float32 and covariance (d, d) float64 of features, as torch-fidelity computes them."""

    mean: NDArray[np.float32]
    covariance: NDArray[np.float64]


def extract(images: Images, space: FeatureSpace, what: str, progress: bool = True) -> Features:
    """φ of all images, in float32 with no reduced precision, behind a progress bar on a terminal."""
    from tqdm import tqdm

    values, logits = [], []
    with (
        torch.no_grad(),
        _full_precision(),
        tqdm(total=len(images), desc=what, unit="images", leave=False, disable=None if progress else True) as bar,
    ):
        for batch in batches(images):
            features, classes = space.network(batch.to(space.device))
            values.append(features.cpu())
            if space.classifies:
                logits.append(classes.cpu())
            bar.update(len(batch))
    return Features(torch.cat(values), torch.cat(logits) if logits else None)


def gaussian(values: Tensor) -> Gaussian:
    """The Gaussian of FID: mean and covariance (divisor N - 1) of features (N, d)."""
    statistics = _module("metric_fid").fid_features_to_statistics(values)
    return Gaussian(statistics["mu"], statistics["sigma"])


def inception_score(logits: Tensor, splits: int) -> tuple[float, float]:
    """exp E KL(p(y|x) || p(y)): mean and deviation over `splits` parts of the images (N, classes), shuffled first."""
    result = _module("metric_isc").isc_features_to_metric(logits, splits=splits, shuffle=True, rng_seed=2020)
    return result["inception_score_mean"], result["inception_score_std"]


def frechet_distance(first: Gaussian, second: Gaussian) -> float:
    """||μ₁ - μ₂||² + tr(Σ₁ + Σ₂ - 2 (Σ₁ Σ₂)^½)."""
    statistics = [{"mu": part.mean, "sigma": part.covariance} for part in (first, second)]
    result = _module("metric_fid").fid_statistics_to_metric(*statistics, verbose=False)
    return float(result["frechet_inception_distance"])


def kernel_distance(first: Tensor, second: Tensor, subsets: int, subset_size: int) -> tuple[float, float]:
    """Unbiased MMD² with kernel (x·y / d + 1)³: mean and deviation over random subsets of features (N, d)."""
    result = _module("metric_kid").kid_features_to_metric(
        first, second, kid_subsets=subsets, kid_subset_size=subset_size, rng_seed=2020, verbose=False
    )
    return result["kernel_inception_distance_mean"], result["kernel_inception_distance_std"]


def scores(
    sample: Features, real: Tensor | None, real_gaussian: Gaussian, protocol: Protocol, space: FeatureSpace
) -> dict[str, float]:
    """FID, KID and IS by labels that name the feature space, unless that is the Inception network; FID comes first.

    KID is left out where the features of the real images, `real`, are not known.
    """
    named = {space.label("FID"): frechet_distance(gaussian(sample.values), real_gaussian)}
    if real is not None:
        named[space.label("KID")], named[space.label("KID deviation")] = kernel_distance(
            sample.values, real, protocol.kid_subsets, protocol.kid_subset_size
        )
    if sample.logits is not None and protocol.splits is not None:
        named[space.label("IS")], named[space.label("IS deviation")] = inception_score(sample.logits, protocol.splits)
    return named


def _module(name: str) -> Any:
    import_torch_fidelity()
    return importlib.import_module(f"torch_fidelity.{name}")


@contextmanager
def _full_precision() -> Iterator[None]:
    """No autocast and no TF32, whatever the training beside it uses."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with (
            torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False),
            torch.autocast("cuda", enabled=False),
            torch.autocast("cpu", enabled=False),
        ):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
