"""The scores: their arithmetic against definitions and against torch-fidelity itself; exact scores in the plane."""

import dataclasses
import hashlib
import itertools
import os
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor

from gnref.data.arrays import from_array
from gnref.data.shapes import shapes
from gnref.errors import UserError
from gnref.evaluation import (
    PROTOCOLS,
    covered_modes,
    evaluate,
    wasserstein_distance,
)
from gnref.evaluation import features as features_module
from gnref.evaluation import reference as reference_module
from gnref.evaluation.features import inception
from gnref.evaluation.scores import (
    Gaussian,
    extract,
    frechet_distance,
    gaussian,
    inception_score,
    kernel_distance,
)

EPS = np.finfo(np.float64).eps
SAMPLE_SEED = 7_000_001  # of no training set, reference or feature training
FID, KID, IS = (f"{score} in shapes-features" for score in ("FID", "KID", "IS"))


def test_fid_of_two_diagonal_gaussians_is_exact() -> None:
    """Commuting covariances: ||μ₁ - μ₂||² + Σ (σ₁ - σ₂)² = 25 + 1 + 4, every step exact in binary."""
    first = Gaussian(np.array([0, 0], np.float32), np.diag([1.0, 4.0]))
    second = Gaussian(np.array([3, 4], np.float32), np.diag([4.0, 16.0]))
    assert frechet_distance(first, second) == 30


def test_fid_is_scipys_in_float64() -> None:
    """tr (Σ₁Σ₂)^½ by eigenvalues here, by scipy.linalg.sqrtm there.

    Σ₁Σ₂ is similar to a symmetric matrix through Σ₁^½, so by Bauer-Fike a rounding error d ε ||Σ₁|| ||Σ₂|| moves an
    eigenvalue by κ = cond(Σ₁)^½ times that, its root by κ d ε ||Σ₁|| ||Σ₂|| / (2 λ_min^½), and the trace by d such.
    Both sides err, and 2 tr enters: four such terms; the sums of the remaining parts err by 2 d ε of their size.
    """
    draw = np.random.default_rng(0)
    mix = np.eye(12) + 0.1 * draw.standard_normal((12, 12))
    samples = draw.standard_normal((400, 12)), draw.standard_normal((500, 12)) @ mix + 0.3
    a, b = (gaussian(torch.from_numpy(sample)) for sample in samples)
    root = scipy.linalg.sqrtm(a.covariance @ b.covariance)
    traces = np.trace(a.covariance) + np.trace(b.covariance)
    expected = ((a.mean - b.mean) ** 2).sum() + traces - 2 * np.trace(root).real
    product = np.linalg.norm(a.covariance, 2) * np.linalg.norm(b.covariance, 2)
    smallest = np.linalg.eigvals(a.covariance @ b.covariance).real.min()
    moved = 12 * EPS * product * np.linalg.cond(a.covariance) ** 0.5 / (2 * smallest**0.5)
    assert abs(frechet_distance(a, b) - expected) <= 4 * 12 * moved + 2 * 12 * EPS * (traces + abs(expected))


def test_kid_is_its_definition() -> None:
    """One subset of all points: the unbiased MMD² by double sums. n² terms sum with an error of n² ε of their size."""
    draw = np.random.default_rng(0)
    x, y = draw.standard_normal((30, 4)), draw.standard_normal((30, 4)) + 0.5

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / 4 + 1) ** 3)

    within = [sum(kernel(a[i], a[j]) for i in range(30) for j in range(30) if i != j) / (30 * 29) for a in (x, y)]
    between = sum(kernel(a, b) for a in x for b in y) / 900
    size = sum(abs(kernel(a, b)) for a in np.concatenate([x, y]) for b in np.concatenate([x, y])) / 870
    mean, deviation = kernel_distance(torch.from_numpy(x), torch.from_numpy(y), subsets=1, subset_size=30)
    assert abs(mean - (sum(within) - 2 * between)) <= 900 * EPS * size
    assert deviation == 0


def test_inception_score_is_its_definition() -> None:
    """exp of the mean KL divergence to the marginal; N C terms of order one sum with an error of at most N C ε each."""
    logits = np.random.default_rng(0).standard_normal((50, 5)) * 3
    p = scipy.special.softmax(logits, axis=1)
    expected = np.exp((p * (np.log(p) - np.log(p.mean(0)))).sum(1).mean())
    mean, deviation = inception_score(torch.from_numpy(logits), splits=1)
    assert abs(mean - expected) <= 250 * EPS * expected * np.abs(np.log(p)).max()
    assert deviation == 0


def test_shapes_scores_are_those_of_torch_fidelity_itself() -> None:
    """The registered extractor, through torch-fidelity's own front door, gives the same digits."""
    from gnref.evaluation.fidelity_extractor import register, torch_fidelity

    class Bytes(torch.utils.data.Dataset[Tensor]):
        def __init__(self, images: Tensor) -> None:
            self.images = images

        def __len__(self) -> int:
            return len(self.images)

        def __getitem__(self, index: int) -> Tensor:
            return self.images[index]

    images = shapes(2000, 16, SAMPLE_SEED)[0]
    theirs = torch_fidelity.calculate_metrics(
        input1=Bytes(images),
        input2=Bytes(shapes(2000, 16, reference_module.REFERENCE_SEED)[0]),
        feature_extractor=register(),
        isc=True,
        fid=True,
        kid=True,
        kid_subsets=20,
        kid_subset_size=500,
        batch_size=100,
        cuda=False,
        cache=False,
        save_cpu_ram=True,
        verbose=False,
    )
    assert register() == register()
    ours = evaluate(images, "shapes-16")["scores"]
    assert ours == {
        IS: theirs["inception_score_mean"],
        "IS deviation in shapes-features": theirs["inception_score_std"],
        FID: theirs["frechet_inception_distance"],
        KID: theirs["kernel_inception_distance_mean"],
        "KID deviation in shapes-features": theirs["kernel_inception_distance_std"],
    }


def test_inception_features_are_those_of_torch_fidelity_itself(tmp_path: Path) -> None:
    """With random weights, for the trained ones are not part of the package."""
    from gnref.evaluation.fidelity_extractor import torch_fidelity

    class RandomInception(torch_fidelity.FeatureExtractorInceptionV3):  # type: ignore[misc]
        def load_state_dict(self, *_: object, **__: object) -> None:
            pass

    torch.save({}, tmp_path / "none.pth")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = ["2048", "logits_unbiased"]
        network = RandomInception("inception-v3-compat", layers, str(tmp_path / "none.pth"))
    weights = tmp_path / "random.pth"
    torch.save(network.state_dict(), weights)
    images = shapes(3, 32, SAMPLE_SEED)[0]
    space = inception(weights, sha256="")
    ours = extract(from_array(images, 32), space, "images", progress=False)
    with torch.no_grad():
        features, logits = network(images)
    assert ours.logits is not None
    assert torch.equal(ours.values, features)
    assert torch.equal(ours.logits, logits)
    assert space.label("FID") == "FID"
    assert space.digest == hashlib.sha256(weights.read_bytes()).hexdigest()


def test_wasserstein_distance_is_the_best_of_all_assignments() -> None:
    """Six points have 720 assignments; a mean of six distances errs by 6 ε of its size."""
    draw = np.random.default_rng(0)
    x, y = draw.standard_normal((6, 2)), draw.standard_normal((6, 2))
    best = min(np.linalg.norm(x - y[list(order)], axis=1).mean() for order in itertools.permutations(range(6)))
    assert abs(wasserstein_distance(x, y) - best) <= 12 * EPS * best


def test_wasserstein_distance_of_a_shift_is_its_length() -> None:
    x = np.random.default_rng(0).integers(-8, 8, (50, 2))
    assert wasserstein_distance(x, x[::-1] + np.array([3, 4])) == 5


def test_modes_are_covered_by_a_fair_share_nearby() -> None:
    centres = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])
    points = np.concatenate([np.repeat(centres[:2], 40, axis=0), centres[[2] * 4], np.full((16, 2), 12.0)])
    # 25 points are a fair share of 100, 5 a fifth of it; 12 is farther from 10 than four deviations.
    assert covered_modes(points, centres, deviation=0.1) == 2
    assert covered_modes(points, centres, deviation=0.1, share=0.16) == 3
    assert covered_modes(points, centres, deviation=1.0) == 3


def test_bad_points_are_refused() -> None:
    with pytest.raises(UserError, match="equally many points"):
        wasserstein_distance(np.zeros((3, 2)), np.zeros((4, 2)))
    with pytest.raises(UserError, match="expected finite points"):
        wasserstein_distance(np.full((3, 2), np.nan), np.zeros((3, 2)))
    with pytest.raises(UserError, match="deviation above 0"):
        covered_modes(np.zeros((3, 2)), np.zeros((2, 2)), deviation=0)


CIFAR10 = os.environ.get("GNREF_CIFAR10")
WEIGHTS = Path(torch.hub.get_dir()) / "checkpoints" / Path(features_module.INCEPTION_URL).name


@pytest.mark.skipif(not CIFAR10, reason="GNREF_CIFAR10 names no folder with CIFAR-10")
@pytest.mark.skipif(not WEIGHTS.exists(), reason=f"no Inception weights in {WEIGHTS}")
@pytest.mark.skipif(not torch.cuda.is_available(), reason="hours without a GPU")
def test_cifar10_scores_are_the_published_ones() -> None:
    """IS of the training images 11.237 ± 0.095 (torch-fidelity); FID of training against test images 3.15."""
    from gnref.data.cifar10 import cifar10

    train, test = cifar10(Path(str(CIFAR10))), cifar10(Path(str(CIFAR10)), train=False)
    against_test = dataclasses.replace(PROTOCOLS["cifar10-train"], name="canary", dataset="cifar10-test", real=10_000)
    scores = evaluate(train, against_test, real=test)["scores"]
    assert abs(scores["IS"] - 11.237) <= 0.001
    assert abs(scores["IS deviation"] - 0.095) <= 0.001
    assert abs(scores["FID"] - 3.15) <= 0.01
