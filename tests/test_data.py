"""The data room: shapes, augmentation, order, and every format with what can be wrong about it."""

import hashlib
import io
import os
import pickle
import tarfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats

from gnref.data import cifar10 as cifar10_module
from gnref.data import stl10 as stl10_module
from gnref.data.augment import consistency_augmentation, flip, shift
from gnref.data.batches import Batches, derived_seed
from gnref.data.cifar10 import cifar10
from gnref.data.folder import folder_of_images
from gnref.data.images import ImageSet, to_bytes, to_unit
from gnref.data.load import load
from gnref.data.lsun import lsun
from gnref.data.points import FIGURE3_FAKE, FIGURE3_REAL, bayes, grid_centres, mixture, ring_centres
from gnref.data.shapes import CLASSES, factors, shapes
from gnref.data.stl10 import stl10
from gnref.errors import UserError

# Shapes


def test_shapes_are_the_same_on_every_machine():
    images, labels = shapes(64, 32, seed=3)
    digest = hashlib.sha256(images.numpy().tobytes() + labels.numpy().tobytes()).hexdigest()
    assert digest[:16] == "ec9d3c1a13de3061"
    assert hashlib.sha256(shapes(64, 16, seed=3)[0].numpy().tobytes()).hexdigest()[:16] == "77e54d7b4e16a229"


@pytest.mark.parametrize("count", [0, 1, 127, 128, 129, 200])
def test_an_image_does_not_depend_on_how_many_are_drawn(count):
    images, labels = shapes(300, 16, seed=1)
    fewer, fewer_labels = shapes(count, 16, seed=1)
    assert torch.equal(fewer, images[:count])
    assert torch.equal(fewer_labels, labels[:count])


def test_every_class_is_as_frequent_as_every_other_and_the_factors_are_uniform():
    """Each p-value is uniform where the claim holds: below 1e-6 once in a million seeds, and the seed is fixed."""
    drawn = factors(20_000, seed=0)
    assert stats.chisquare(np.bincount(drawn.label, minlength=len(CLASSES))).pvalue > 1e-6
    for values, low, high in ((drawn.scale, 0.45, 0.75), (drawn.shift_x, -0.22, 0.22), (drawn.hue, 0, 1)):
        assert stats.kstest(values, stats.uniform(low, high - low).cdf).pvalue > 1e-6


def test_classes_differ_by_their_shape_alone():
    """A disc's centre is covered and a ring's is not: the labels mean what `CLASSES` says."""
    images, labels = shapes(2000, 32, seed=5)
    drawn = factors(2000, seed=5)
    centre = torch.from_numpy(np.stack([drawn.shift_y, drawn.shift_x], 1) * 16 + 16).long()
    value = images.amax(1)[torch.arange(2000), centre[:, 0], centre[:, 1]].float()
    filled = {name: value[labels == k].mean().item() for k, name in enumerate(CLASSES)}
    hollow = {"ring", "frame"}
    assert max(filled[name] for name in hollow) < 128 < min(filled[name] for name in set(CLASSES) - hollow)


def test_shapes_refuses_a_size_too_small():
    with pytest.raises(ValueError, match="size >= 8"):
        shapes(1, 4)


# Augmentation


def literal_shift(image: torch.Tensor, dx: int, dy: int) -> torch.Tensor:
    moved = torch.full_like(image, -1)
    for y in range(image.shape[1]):
        for x in range(image.shape[2]):
            if 0 <= y - dy < image.shape[1] and 0 <= x - dx < image.shape[2]:
                moved[:, y, x] = image[:, y - dy, x - dx]
    return moved


def test_shift_moves_each_image_by_whole_pixels_and_fills_with_black():
    x = torch.rand(20, 3, 11, 15)
    moved = shift(x, torch.Generator().manual_seed(0))
    for image, result in zip(x, moved, strict=True):
        assert any(torch.equal(result, literal_shift(image, dx, dy)) for dx in range(-3, 4) for dy in range(-2, 3))


@pytest.mark.parametrize("size", [16, 32, 48])
def test_a_shift_is_a_uniform_number_rounded(size):
    """P(round(U(-m, m)) = k) = |[k - 1/2, k + 1/2] ∩ [-m, m]| / 2m with m = size/5; the seed is fixed.

    A row of one pixel's height moves along one axis alone.
    """
    m = Fraction(size, 5)
    chance = {k: (min(k + Fraction(1, 2), m) - max(k - Fraction(1, 2), -m)) / (2 * m) for k in range(-10, 11)}
    chance = {k: p for k, p in chance.items() if p > 0}
    assert sum(chance.values()) == 1
    x = torch.full((50_000, 1, 1, size), -1.0)
    x[:, 0, 0, size // 2] = 1
    moved = shift(x, torch.Generator().manual_seed(0)).flatten(1).argmax(1) - size // 2
    counts = [int((moved == k).sum()) for k in chance]
    assert sum(counts) == 50_000
    assert stats.chisquare(counts, [50_000 * float(p) for p in chance.values()]).pvalue > 1e-3
    if size > 16:
        outermost = {32: (6, Fraction(9, 128)), 48: (10, Fraction(1, 192))}[size]
        assert (max(chance), chance[max(chance)]) == outermost


def test_the_two_directions_of_a_shift_are_independent():
    x = torch.full((4000, 1, 16, 16), -1.0)
    x[:, 0, 8, 8] = 1
    place = shift(x, torch.Generator().manual_seed(0)).flatten(1).argmax(1)
    table = torch.bincount(place, minlength=256).view(16, 16)[5:12, 5:12]
    assert table.sum() == 4000
    assert stats.chi2_contingency(table).pvalue > 1e-3


def test_flip_mirrors_half_of_the_images():
    x = torch.rand(1000, 3, 4, 4)
    result = flip(x, torch.Generator().manual_seed(0))
    mirrored = (result == x.flip(-1)).flatten(1).all(1)
    assert torch.equal(result[~mirrored], x[~mirrored])
    assert stats.binomtest(int(mirrored.sum()), 1000).pvalue > 1e-6


def test_a_batch_in_parts_is_augmented_as_it_is_as_a_whole():
    x = torch.rand(12, 3, 10, 10)
    whole = consistency_augmentation(x, torch.Generator().manual_seed(7))
    parts = [
        consistency_augmentation(part, torch.Generator().manual_seed(7), (rank, 3))
        for rank, part in enumerate(x.chunk(3))
    ]
    assert torch.equal(torch.cat(parts), whole)


def test_bytes_and_units_are_inverse():
    every = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    assert torch.equal(to_bytes(to_unit(every)), every)
    assert to_unit(every).min() == -1
    assert to_unit(every).max() == 1


# Points


def test_the_gaussians_densities_are_scipys():
    x = torch.randn(50, 2, dtype=torch.float64) * 4
    densities = []
    for gaussian in (FIGURE3_REAL, FIGURE3_FAKE):
        expected = stats.multivariate_normal(gaussian.mean, gaussian.covariance).logpdf(x.numpy())
        torch.testing.assert_close(gaussian.log_density(x), torch.from_numpy(expected), rtol=1e-12, atol=1e-12)
        densities.append(np.exp(expected))
    expected = torch.from_numpy(densities[0] / (densities[0] + densities[1]))
    torch.testing.assert_close(bayes(x), expected, rtol=1e-12, atol=1e-12)


def test_the_gaussians_samples_have_their_mean_and_covariance():
    """Bounds: five standard errors, of a mean √(σ²/n), of a covariance √((σᵢᵢσⱼⱼ + σᵢⱼ²)/n)."""
    n = 20_000
    x = FIGURE3_FAKE.sample(n, torch.Generator().manual_seed(0)).double()
    covariance = torch.tensor(FIGURE3_FAKE.covariance, dtype=torch.float64)
    variance = covariance.diag()
    assert ((x.mean(0) - torch.tensor(FIGURE3_FAKE.mean)).abs() <= 5 * (variance / n).sqrt()).all()
    error = ((torch.outer(variance, variance) + covariance**2) / n).sqrt()
    assert ((x.T.cov() - covariance).abs() <= 5 * error).all()


def test_mixtures_lie_around_their_centres():
    assert ring_centres().shape == (8, 2)
    assert grid_centres().shape == (25, 2)
    points, mode = mixture(grid_centres(), 500, 0.05, torch.Generator().manual_seed(0))
    assert torch.equal(torch.cdist(points, grid_centres()).argmin(1), mode)


# Order


def image_set(count: int, size: int = 4) -> ImageSet:
    images = torch.arange(count, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, size, size).contiguous()
    return ImageSet(images, torch.arange(count))


def test_every_epoch_shows_every_image_once_in_an_order_of_its_own():
    batches = Batches(image_set(10), seed=4)
    sequence = torch.cat([batches.indices(start, 3) for start in range(0, 30, 3)])
    epochs = sequence.view(3, 10)
    assert torch.equal(epochs.sort(1).values, torch.arange(10).expand(3, 10))
    assert len({tuple(epoch.tolist()) for epoch in epochs}) == 3


def test_the_order_is_a_function_of_the_place_alone():
    batches = Batches(image_set(10), seed=4)
    straight = [batches.indices(start, 4) for start in range(0, 40, 4)]
    for start in (36, 0, 16, 8):
        assert torch.equal(Batches(image_set(10), seed=4).indices(start, 4), straight[start // 4])
        assert torch.equal(batches.indices(start, 4), straight[start // 4])


def test_processes_share_a_batch_in_order():
    whole = Batches(image_set(10), seed=4)(4, 6)
    parts = [Batches(image_set(10), 4, (rank, 3))(4, 6) for rank in range(3)]
    assert torch.equal(torch.cat([images for images, _ in parts]), whole[0])
    assert torch.equal(torch.cat([labels for _, labels in parts]), whole[1])


def test_derived_seeds_are_fixed_and_differ_by_use():
    assert derived_seed(0, "D", 1, 0) == 6479674720296158962
    assert len({derived_seed(seed, use, k) for seed in range(5) for use in "DG" for k in range(5)}) == 50


# CIFAR-10


@pytest.fixture
def small_cifar(monkeypatch):
    monkeypatch.setattr(cifar10_module, "_PER_FILE", 6)
    images = np.random.default_rng(0).integers(0, 256, (5, 6, 3072), np.uint8)
    labels = np.random.default_rng(1).integers(0, 10, (5, 6), np.uint8)
    return images, labels


def write_python(folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, (some, their) in enumerate(zip(images, labels, strict=True), 1):
        batch = {b"data": some, b"labels": their.tolist(), b"batch_label": b"training batch"}
        (folder / f"data_batch_{number}").write_bytes(pickle.dumps(batch, protocol=4))


def test_cifar10_python_batches(tmp_path, small_cifar):
    images, labels = small_cifar
    write_python(tmp_path / "cifar-10-batches-py", images, labels)
    read = cifar10(tmp_path)
    assert torch.equal(read.images, torch.from_numpy(images).view(-1, 3, 32, 32))
    assert torch.equal(read.labels, torch.from_numpy(labels).long().flatten())


def test_a_batch_pickled_by_python_2_is_read(tmp_path, small_cifar):
    """The published files: protocol 2, byte strings of Python 2, `numpy.core.multiarray._reconstruct`."""
    images, labels = small_cifar
    tmp_path = tmp_path / "cifar"
    tmp_path.mkdir()
    for number in range(5):
        (tmp_path / f"data_batch_{number + 1}").write_bytes(python_2_pickle(images[number], labels[number].tolist()))
    read = cifar10(tmp_path)
    assert torch.equal(read.images, torch.from_numpy(images).view(-1, 3, 32, 32))


def python_2_pickle(images: np.ndarray, labels: list[int]) -> bytes:
    """{'data': array, 'labels': list} as Python 2's pickle wrote it, opcode by opcode."""

    def string(content: bytes) -> bytes:
        return b"T" + len(content).to_bytes(4, "little") + content

    def integer(value: int) -> bytes:
        return b"J" + value.to_bytes(4, "little", signed=True)

    dtype = b"cnumpy\ndtype\n" + string(b"u1") + integer(0) + integer(1) + b"\x87R("
    dtype += integer(3) + string(b"|") + b"NNN" + integer(-1) + integer(-1) + integer(0) + b"tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n" + integer(0) + b"\x85" + string(b"b") + b"\x87R"
    array += b"(" + integer(1) + integer(images.shape[0]) + integer(images.shape[1]) + b"\x86" + dtype + b"\x89"
    array += string(images.tobytes()) + b"tb"
    numbers = b"](" + b"".join(integer(label) for label in labels) + b"e"
    return b"\x80\x02}(" + string(b"data") + array + string(b"labels") + numbers + b"u."


def test_cifar10_binary_files(tmp_path, small_cifar):
    images, labels = small_cifar
    for number in range(5):
        rows = np.concatenate([labels[number][:, None], images[number]], 1)
        (tmp_path / f"data_batch_{number + 1}.bin").write_bytes(rows.tobytes())
    assert torch.equal(cifar10(tmp_path).images, torch.from_numpy(images).view(-1, 3, 32, 32))
    (tmp_path / "data_batch_4.bin").write_bytes(rows.tobytes()[:-1])
    with pytest.raises(UserError, match=r"data_batch_4\.bin has 18437 bytes, expected 18438"):
        cifar10(tmp_path)
    (tmp_path / "data_batch_4.bin").unlink()
    with pytest.raises(UserError, match=r"data_batch_4\.bin is missing"):
        cifar10(tmp_path)


class Attack:
    """Unpickling it runs a command."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self):
        return os.system, (f"touch {self.witness}",)


def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(tmp_path, small_cifar):
    write_python(tmp_path, *small_cifar)
    witness = tmp_path / "witness"
    (tmp_path / "data_batch_2").write_bytes(pickle.dumps({b"data": Attack(witness), b"labels": []}))
    with pytest.raises(UserError, match="data_batch_2 is no batch of CIFAR-10"):
        cifar10(tmp_path)
    assert not witness.exists()


@pytest.mark.parametrize("kept", [0, 1, 100, 18_000])
def test_a_truncated_python_batch_is_named(tmp_path, small_cifar, kept):
    write_python(tmp_path, *small_cifar)
    path = tmp_path / "data_batch_3"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match="data_batch_3 is no batch of CIFAR-10, or a damaged one"):
        cifar10(tmp_path)


def test_a_folder_without_cifar10_says_what_was_expected_and_where_to_get_it(tmp_path):
    with tarfile.open(tmp_path / "cifar-10-python.tar.gz", "w:gz"):
        pass
    with pytest.raises(UserError, match=r"it holds cifar-10-python.tar.gz.*cs.toronto.edu.*unpack it"):
        cifar10(tmp_path)
    with pytest.raises(UserError, match="there is no such folder"):
        cifar10(tmp_path / "nowhere")


# STL-10


def test_stl10_is_read_column_by_column_and_reduced_as_pillow_does(tmp_path, monkeypatch):
    """The reduction is Pillow's bilinear one, its rounding to bytes after each direction included."""
    monkeypatch.setattr(stl10_module, "_COUNTS", {"unlabeled": 3})
    images = np.random.default_rng(0).integers(0, 256, (3, 3, 96, 96), np.uint8)
    path = tmp_path / "unlabeled_X.bin"
    path.write_bytes(images.transpose(0, 1, 3, 2).tobytes())
    assert torch.equal(stl10(tmp_path, size=96).images, torch.from_numpy(images))
    pillow = [
        np.asarray(Image.fromarray(i.transpose(1, 2, 0)).resize((48, 48), Image.Resampling.BILINEAR)) for i in images
    ]
    reduced = stl10(tmp_path).images.permute(0, 2, 3, 1).numpy()
    assert np.array_equal(reduced, np.stack(pillow))
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(UserError, match=r"unlabeled_X.bin has 82939 bytes, expected 82944"):
        stl10(tmp_path)
    with pytest.raises(UserError, match=r"expected STL-10's unlabeled_X.bin.*stl10_binary.tar.gz"):
        stl10(tmp_path / "nowhere")


# Folders and LSUN


def write_images(folder: Path, images: np.ndarray) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number}.png")


def test_a_folder_of_images_with_classes(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 8, 8, 3), np.uint8)
    write_images(tmp_path / "dogs", images[1])
    write_images(tmp_path / "cats", images[0])
    read = folder_of_images(tmp_path, 8)
    assert torch.equal(read.fetch(torch.arange(6)), torch.from_numpy(images.reshape(6, 8, 8, 3)).permute(0, 3, 1, 2))
    assert read.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert torch.equal(read.in_memory().images, read.fetch(torch.arange(6)))


def test_a_larger_image_is_the_mean_of_its_blocks(tmp_path):
    image = np.random.default_rng(0).integers(0, 64, (8, 8, 3), np.uint8).repeat(2, 0).repeat(2, 1)
    write_images(tmp_path, image[None])
    read = folder_of_images(tmp_path, 8)
    assert read.labels is None
    assert torch.equal(read.fetch(torch.tensor([0]))[0], torch.from_numpy(image[::2, ::2].copy()).permute(2, 0, 1))


@pytest.mark.parametrize("shape", [(8, 12, 3), (12, 12, 3), (4, 4, 3)])
def test_an_image_of_a_wrong_size_is_named(tmp_path, shape):
    write_images(tmp_path, np.zeros((1, *shape), np.uint8))
    with pytest.raises(UserError, match=rf"0\.png is {shape[1]} x {shape[0]} pixels, expected 8 x 8"):
        folder_of_images(tmp_path, 8).fetch(torch.tensor([0]))


def test_a_damaged_image_is_named(tmp_path):
    write_images(tmp_path, np.zeros((2, 8, 8, 3), np.uint8))
    whole = (tmp_path / "1.png").read_bytes()
    (tmp_path / "1.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"1\.png cannot be read as an image"):
        folder_of_images(tmp_path, 8).in_memory()


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"expected a folder of 8 x 8 images .* but it holds nothing"):
        folder_of_images(tmp_path, 8)


def test_files_and_memory_give_the_same_batches(tmp_path):
    write_images(tmp_path, np.random.default_rng(0).integers(0, 256, (7, 8, 8, 3), np.uint8))
    files = folder_of_images(tmp_path, 8)
    from_files, from_memory = Batches(files, 0), Batches(files.in_memory(), 0)
    for start in (0, 3, 6, 0, 9):
        assert torch.equal(from_files(start, 3)[0], from_memory(start, 3)[0])


def test_lsun_archives(tmp_path):
    lmdb = pytest.importorskip("lmdb")
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8)
    place = tmp_path / "church_outdoor_train_lmdb"
    with lmdb.open(str(place), map_size=2**20) as archive, archive.begin(write=True) as transaction:
        for number, image in enumerate(images):
            content = io.BytesIO()
            Image.fromarray(image).save(content, "PNG")
            transaction.put(f"key{number}".encode(), content.getvalue())
        transaction.put(b"key9", b"not an image")
    read = lsun(tmp_path, 8)
    assert torch.equal(read.fetch(torch.arange(3)), torch.from_numpy(images).permute(0, 3, 1, 2))
    with pytest.raises(UserError, match="key b'key9' cannot be read"):
        read.fetch(torch.tensor([3]))
    with pytest.raises(UserError, match=r"expected LSUN's church_outdoor_train_lmdb.*dl.yf.io"):
        lsun(tmp_path / "nowhere", 8)
    (place / "data.mdb").write_bytes((place / "data.mdb").read_bytes()[:5000])
    with pytest.raises(UserError, match=r"data\.mdb"):
        lsun(place, 8).fetch(torch.arange(3))


# By name


def test_load_says_what_is_missing():
    assert load("shapes", None, 16).size == 16
    with pytest.raises(UserError, match="cifar10 needs its images: say --data FOLDER"):
        load("cifar10", None, 32)


def test_load_refuses_images_of_another_size(tmp_path, small_cifar):
    write_python(tmp_path, *small_cifar)
    with pytest.raises(UserError, match="images of 32 pixels, but the experiment takes 48"):
        load("cifar10", tmp_path, 48)


def test_a_set_too_large_for_memory_is_read_from_its_files(tmp_path, monkeypatch):
    write_images(tmp_path, np.zeros((2, 8, 8, 3), np.uint8))
    assert isinstance(load("folder", tmp_path, 8), ImageSet)
    monkeypatch.setattr("gnref.data.load.free_bytes", lambda device: 700)
    assert not isinstance(load("folder", tmp_path, 8), ImageSet)


@pytest.mark.skipif("GNREF_CIFAR_JPEG" not in os.environ, reason="GNREF_CIFAR_JPEG does not name a folder of CIFAR-10")
def test_cifar10_as_a_folder_of_images():
    read = folder_of_images(Path(os.environ["GNREF_CIFAR_JPEG"]) / "train", 32)
    assert len(read) == 50_000
    assert torch.bincount(read.labels).tolist() == [5000] * 10
    assert read.fetch(torch.arange(0, 50_000, 5000)).shape == (10, 3, 32, 32)
