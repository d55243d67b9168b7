"""Generators that are scored: those whose images are not what a score means are refused."""

import dataclasses
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from gnref.errors import UserError
from gnref.evaluation import PROTOCOLS, evaluate, make_scorer
from gnref.networks import PointGenerator

SMALL = dataclasses.replace(PROTOCOLS["shapes-16"], name="small", generated=150, real=150, kid_subset_size=50)


class Generator(nn.Module):
    """Pixels in [-1, 1], changed by `change`."""

    latent = 3 * 16 * 16

    def __init__(self, change: Callable[[Tensor], object] = lambda x: x) -> None:
        super().__init__()
        self.layer, self.change = nn.Conv2d(3, 3, 3, padding=1), change

    def forward(self, z: Tensor) -> object:
        return self.change(self.layer(z.view(-1, 3, 16, 16)).tanh())


REFUSED: dict[str, tuple[Callable[[Tensor], object], str]] = {
    "half the images": (lambda x: x[: len(x) // 2], "expected 100 images from the generator for as many z, got 50"),
    "twice the images": (lambda x: torch.cat([x, x]), "expected 100 images .* got 200"),
    "one image": (lambda x: x[0], r"expected RGB images .* got \(3, 16, 16\)"),
    "in [0, 1]": (lambda x: (x + 1) / 2, r"expected a generator of images in \[-1, 1\], got pixels from .*rescale"),
    "0 to 255": (lambda x: (x + 1) * 127.5, r"expected a generator of images in \[-1, 1\], got pixels from .*rescale"),
    "below 0 to 255": (lambda x: (x + 1) * 127.5 - 3, r"expected a generator of images in \[-1, 1\]"),
    "bytes": (lambda x: ((x + 1) * 127.5).byte(), r"floats in \[-1, 1\], got torch.uint8"),
    "NaN": (lambda x: x + float("nan"), "expected finite images, got NaN"),
    "one NaN": (lambda x: torch.where(torch.arange(len(x)).view(-1, 1, 1, 1) == 49, torch.nan, x), "got NaN"),
    "infinity": (lambda x: x / 0, "expected finite images"),
    "grey": (lambda x: x[:, :1], r"expected RGB images .* got \(100, 1, 16, 16\)"),
    "channels last": (lambda x: x.permute(0, 2, 3, 1), r"expected RGB images .* got \(100, 16, 16, 3\)"),
    "a tuple": (lambda x: (x, x), "got tuple"),
    "nothing": (lambda x: None, "got NoneType"),
}


@pytest.mark.parametrize("came", REFUSED)
def test_what_is_no_image_each_is_refused(came: str) -> None:
    change, told = REFUSED[came]
    for score in (lambda g: evaluate(g, SMALL, progress=False), make_scorer(SMALL)):
        with pytest.raises(UserError, match=told):
            score(Generator(change))


@pytest.mark.parametrize("latent", [0, -1, 2.5, "128"])
def test_a_latent_that_is_no_length_is_refused(latent: object) -> None:
    generator = Generator()
    generator.latent = latent  # type: ignore[assignment]
    with pytest.raises(UserError, match="attribute latent, the length of z; Generator has"):
        evaluate(generator, SMALL)


def test_classes_that_are_no_number_and_seeds_out_of_range_are_refused() -> None:
    generator = Generator()
    generator.classes = "ten"  # type: ignore[assignment]
    with pytest.raises(UserError, match="number of its classes, got 'ten'"):
        evaluate(generator, SMALL)
    for seed in (-1, 2**32):
        with pytest.raises(UserError, match="expected a seed from 0 to"):
            evaluate(Generator(), SMALL, seed=seed)


def test_a_generator_may_be_in_float64_or_without_parameters() -> None:
    torch.manual_seed(0)
    single = Generator()
    double = Generator()
    double.load_state_dict(single.state_dict())
    scores = evaluate(single, SMALL)["scores"]
    assert evaluate(double.double(), SMALL)["scores"].keys() == scores.keys()
    bare = Generator()
    bare.layer = nn.Identity()
    assert evaluate(bare, SMALL)["generated"] == 150


def test_a_collapsed_generator_gets_a_score() -> None:
    assert evaluate(Generator(lambda x: torch.ones_like(x)), SMALL)["scores"]["FID in shapes-features"] > 1


def test_a_generator_of_points_is_refused_with_the_scores_that_points_have() -> None:
    with pytest.raises(UserError, match=r"PointGenerator: its generator makes points .*wasserstein_distance"):
        evaluate(PointGenerator(latent=4, width=4), SMALL)
