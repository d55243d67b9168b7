"""Evaluation: protocols, generators that it leaves as they were, references read once, mistakes, the command."""

import dataclasses
import json
import random
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gnref.cli import main
from gnref.data.arrays import from_array
from gnref.data.shapes import shapes
from gnref.errors import UserError
from gnref.evaluation import (
    PROTOCOLS,
    evaluate,
    feature_space,
    make_scorer,
)
from gnref.evaluation import reference as reference_module
from gnref.evaluation.images import generated_images
from gnref.evaluation.reference import load_reference, save_reference
from gnref.networks import CNNGenerator
from gnref.runs import Run

SAMPLE_SEED = 7_000_001  # of no training set, reference or feature training
FID, KID, IS = (f"{score} in shapes-features" for score in ("FID", "KID", "IS"))
# A protocol about files, small enough for a test.
SMALL = dataclasses.replace(
    PROTOCOLS["shapes-16"],
    name="small",
    dataset="celebahq",
    data="small images",
    generated=150,
    real=200,
    kid_subsets=2,
    kid_subset_size=50,
)
SMALL_SHAPES = dataclasses.replace(SMALL, name="small-shapes", dataset="shapes")


def test_counts_are_those_of_the_appendix() -> None:
    """[GN, appendix C] and, for 1024 pixels, appendix D."""
    counts = {name: (protocol.generated, protocol.real, protocol.splits) for name, protocol in PROTOCOLS.items()}
    assert counts == {
        "cifar10-train": (50_000, 50_000, 10),
        "cifar10-test": (10_000, 10_000, None),
        "stl10-50k": (50_000, 100_000, 10),
        "stl10-10k": (10_000, 100_000, None),
        "celebahq-128": (30_000, 30_000, None),
        "celebahq-256": (30_000, 30_000, None),
        "celebahq-1024": (50_000, 30_000, None),
        "lsun-church": (50_000, 126_227, None),
        "shapes": (2000, 2000, 10),
        "shapes-16": (2000, 2000, 10),
    }


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=str)
def test_every_number_has_a_source(protocol: object) -> None:
    numbers = {"size", "generated", "real", "splits", "kid_subsets", "kid_subset_size"}
    assert set(protocol.sources) == numbers  # type: ignore[attr-defined]


class Pixels(nn.Module):
    """An image whose pixels are latents, after batch norm: every training-mode habit of a generator in one line."""

    latent = 3 * 16 * 16

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3)

    def forward(self, z: Tensor) -> Tensor:
        images: Tensor = self.norm(z.view(-1, 3, 16, 16)).tanh()
        return images


def test_scoring_leaves_no_trace() -> None:
    generator = Pixels()
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tobytes()  # type: ignore[union-attr]  # noqa: NPY002
    score = make_scorer(SMALL_SHAPES)
    first = score(generator)
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1:] == (random.getstate(), np.random.get_state()[1].tobytes())  # type: ignore[union-attr]  # noqa: NPY002
    assert generator.training
    assert generator.norm.training
    assert all(torch.equal(before[name], value) for name, value in generator.state_dict().items())

    torch.manual_seed(5)  # another random state and half precision around it: the same digits
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert score(generator) == first
    assert first == evaluate(generator, SMALL_SHAPES)["scores"]
    assert first != evaluate(generator, SMALL_SHAPES, seed=1)["scores"]


def test_noise_inside_the_generator_is_seeded() -> None:
    class Noisy(Pixels):
        def forward(self, z: Tensor) -> Tensor:
            return super().forward(z + torch.randn_like(z))

    first = evaluate(Noisy(), SMALL_SHAPES)["scores"]
    torch.manual_seed(5)
    assert evaluate(Noisy(), SMALL_SHAPES)["scores"] == first


def test_an_image_depends_on_its_index_alone() -> None:
    images = generated_images(Pixels().eval(), 20, 16, seed=0)
    together = images.fetch(torch.arange(20))
    assert torch.equal(together, torch.cat([images.fetch(index) for index in torch.arange(20).split(7)]))
    more = generated_images(Pixels().eval(), 30, 16, seed=0)
    assert torch.equal(together, more.fetch(torch.arange(20)))


@pytest.mark.parametrize("average", [True, False])
def test_a_run_is_scored_by_the_weights_its_experiment_names(tmp_path: Path, average: bool) -> None:
    weights = {}
    for name, seed in (("generator", 0), ("average", 1)):
        torch.manual_seed(seed)
        weights[name] = CNNGenerator(size=16, width=4).state_dict()
    run = Run(tmp_path)
    generator = {"class": "CNNGenerator", "arguments": {"size": 16, "width": 4}}
    with run.locked():
        run.describe({"experiment": {"score_ema": average}, "generator": generator})
        run.save({"step": 1, "best": None, **weights}, keep=1)
    scored = CNNGenerator(size=16, width=4)
    scored.load_state_dict(weights["average" if average else "generator"])
    result = evaluate(tmp_path, SMALL_SHAPES)
    assert result["scores"] == evaluate(scored, SMALL_SHAPES)["scores"]
    assert result["source"].endswith("moving average of the weights" if average else "the generator's own weights")
    assert next(iter(result["scores"])) == FID


def test_classes_are_balanced() -> None:
    class Conditional(Pixels):
        classes = 10

        def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
            assert y is not None
            return (y / 10)[:, None, None, None].expand(-1, 3, 16, 16)

    drawn = generated_images(Conditional(), 50, 16, seed=0).fetch(torch.arange(50))
    assert torch.equal(drawn[:, 0, 0, 0].unique(return_counts=True)[1], torch.full((10,), 5))


def test_floats_are_rounded_to_the_nearest_byte() -> None:
    """All 256 levels come back; half a level beside them still does, up to the step's end."""
    levels = torch.arange(256, dtype=torch.float32)
    exact = levels / 127.5 - 1
    for offset in (-0.49, 0.0, 0.49):
        x = (exact + offset / 127.5).clamp(-1, 1).view(1, 1, 16, 16).expand(1, 3, 16, 16)
        assert torch.equal(from_array(x, 16).images[0, 0].flatten(), levels.to(torch.uint8))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """200 images as .png, the cache beside them."""
    from PIL import Image

    monkeypatch.setenv("GNREF_CACHE", str(tmp_path / "cache"))
    place = tmp_path / "images"
    place.mkdir()
    for number, image in enumerate(shapes(200, 16, SAMPLE_SEED)[0]):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(place / f"{number:03}.png")
    return place


def test_reference_is_computed_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = shapes(150, 16, SAMPLE_SEED + 1)[0]
    first = evaluate(images, SMALL, real=folder)
    assert first["floor_sample"] == "100 of the small images against the other 100"
    assert first["floor"][FID] > first["scores"][FID]  # biased by about c / N, and the halves are smaller
    [cached] = (folder.parent / "cache").glob("*.safetensors")
    calls: list[str] = []
    monkeypatch.setattr(reference_module, "extract", lambda *_: calls.append("extract"))
    assert evaluate(images, SMALL, real=folder) == first
    assert evaluate(images, SMALL, real=cached) == first
    assert evaluate(images.permute(0, 2, 3, 1), SMALL, real=cached) == first
    assert not calls


def test_foreign_or_broken_reference_is_refused(folder: Path) -> None:
    images = shapes(150, 16, SAMPLE_SEED + 1)[0]
    evaluate(images, SMALL, real=folder)
    [cached] = (folder.parent / "cache").glob("*.safetensors")
    with pytest.raises(UserError, match=r"expected reference statistics for protocol other .* got small"):
        evaluate(images, dataclasses.replace(SMALL, name="other"), real=cached)
    with pytest.raises(UserError, match="expected reference statistics for space random-features"):
        evaluate(images, SMALL, real=cached, features="random")
    space = feature_space("shapes")
    whole = load_reference(cached, SMALL, space)
    content = bytearray(cached.read_bytes())
    content[-1] ^= 1
    cached.write_bytes(content)
    with pytest.raises(UserError, match="do not match their checksum"):
        evaluate(images, SMALL, real=folder)
    save_reference(cached, whole)
    assert torch.equal(load_reference(cached, SMALL, space).features, whole.features)
    cached.write_bytes(cached.read_bytes()[:1000])
    with pytest.raises(UserError, match="does not load"):
        evaluate(images, SMALL, real=folder)


def test_jpeg_files_are_mentioned(folder: Path) -> None:
    from PIL import Image

    images = shapes(150, 16, SAMPLE_SEED + 1)[0]
    assert not evaluate(images, SMALL, real=folder)["lossy"]
    with Image.open(folder / "000.png") as picture:
        picture.save(folder / "000.jpg")
    (folder / "000.png").unlink()
    assert evaluate(images, SMALL, real=folder)["lossy"]


def test_more_images_than_asked_for_give_a_fixed_part() -> None:
    images = shapes(400, 16, SAMPLE_SEED)[0]
    first = evaluate(images, SMALL_SHAPES)["scores"]
    assert first == evaluate(images, SMALL_SHAPES)["scores"]
    assert first != evaluate(images[:150], SMALL_SHAPES)["scores"]


GOOD = torch.zeros(150, 3, 16, 16)
MISTAKES: dict[str, tuple[Tensor, str]] = {
    "size": (torch.zeros(150, 3, 32, 32), r"RGB images of 16 x 16 pixels.*got \(150, 3, 32, 32\)"),
    "grey": (torch.zeros(150, 1, 16, 16), r"RGB images.*got \(150, 1, 16, 16\)"),
    "NaN": (GOOD - 1 + torch.tensor(float("nan")), "expected finite images, got NaN"),
    "too few": (GOOD[:100] - 1, r"expected 150 images .*got 100"),
    "range 0..255": (255 * torch.rand(150, 3, 16, 16), "floats in \\[-1, 1\\], got floats from"),
    "range 0..1": (torch.rand(150, 3, 16, 16), "floats in \\[-1, 1\\], got floats from"),
    "integers": (GOOD.long(), "expected images as uint8 or as floats in \\[-1, 1\\], got torch.int64"),
    "one image": (GOOD[0] - 1, r"RGB images.*got \(3, 16, 16\)"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_bad_images_are_refused(mistake: str) -> None:
    images, message = MISTAKES[mistake]
    with pytest.raises(UserError, match=message):
        evaluate(images, SMALL_SHAPES)


def test_bad_generators_are_refused() -> None:
    class Diverged(Pixels):
        def forward(self, z: Tensor) -> Tensor:
            return super().forward(z) * torch.nan

    with pytest.raises(UserError, match="expected finite images, got NaN"):
        evaluate(Diverged(), SMALL_SHAPES)
    with pytest.raises(UserError, match="expected RGB images of 32 x 32 pixels"):
        evaluate(Pixels(), dataclasses.replace(SMALL_SHAPES, size=32))
    with pytest.raises(UserError, match="attribute latent"):
        evaluate(nn.Linear(2, 2), "shapes")


def test_bad_files_are_refused(folder: Path, tmp_path: Path) -> None:
    from PIL import Image

    with pytest.raises(UserError, match=r"expected 150 images .*got 149"):
        evaluate(shapes(149, 16)[0], SMALL, real=folder)
    with pytest.raises(UserError, match="expected 300 small images for protocol small, got 200"):
        evaluate(GOOD.byte(), dataclasses.replace(SMALL, real=300), real=folder)
    with pytest.raises(UserError, match="compares with small images: say where they are"):
        evaluate(GOOD.byte(), SMALL)
    with pytest.raises(UserError, match=r"a folder of images or a \.npz file"):
        evaluate(tmp_path / "nowhere", "shapes")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="it holds nothing"):
        evaluate(tmp_path / "empty", "shapes")
    (tmp_path / "broken.npz").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"expected a readable \.npz file"):
        evaluate(tmp_path / "broken.npz", "shapes")
    np.savez(tmp_path / "two.npz", a=np.zeros(1), b=np.zeros(1))
    with pytest.raises(UserError, match="one named images, got a, b"):
        evaluate(tmp_path / "two.npz", "shapes")
    for number in range(200):
        (folder / f"{number:03}.png").write_bytes((folder / "000.png").read_bytes())
    Image.new("RGB", (32, 32)).save(folder / "007.png")
    with pytest.raises(UserError, match=r"007\.png is 32 x 32 pixels, expected 16 x 16; crop"):
        evaluate(folder, dataclasses.replace(SMALL_SHAPES, generated=200))
    (folder / "007.png").write_bytes(b"\x89PNG")
    with pytest.raises(UserError, match=r"007\.png cannot be read as an image"):
        evaluate(folder, dataclasses.replace(SMALL_SHAPES, generated=200))


def test_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "images.npz", shapes(2000, 16, SAMPLE_SEED)[0].numpy())
    arguments = ["gnref", "evaluate", str(tmp_path / "images.npz"), "--protocol"]
    monkeypatch.setattr(sys, "argv", [*arguments, "shapes-16", "--json", str(tmp_path / "scores.json")])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    assert json.loads((tmp_path / "scores.json").read_text()) == evaluate(tmp_path / "images.npz", "shapes-16")
    printed = capsys.readouterr().out
    assert all(name in printed for name in (FID, KID, IS, "a second sample of 2000 embedded shapes"))
    monkeypatch.setattr(sys, "argv", [*arguments, "cifar"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert "expected a protocol among cifar10-train" in capsys.readouterr().err
