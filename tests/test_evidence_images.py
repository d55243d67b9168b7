"""Images of the study: what they show, the scores of it, the damages that validate them, and the arm of a regime."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gnref.data.shapes import factors, shapes
from gnref.evidence import Options, arms, image_instruments, images
from gnref.evidence.image_damages import DAMAGES
from gnref.evidence.registered import Registered
from gnref.evidence.seen import ROTATIONS, SCALES, SHIFTS, seen
from gnref.training.experiments import EXPERIMENTS

SEED, COUNT = 12, 100
REGISTERED = Registered.of(Options(Path(__file__).parent.parent / "reproductions"))


def test_what_an_image_shows_is_what_it_was_drawn_from() -> None:
    """Every class is named right; place and size are within the step of the grid that is tried."""
    drawn, _ = shapes(COUNT, 16, SEED)
    shown, true = seen(drawn), factors(COUNT, SEED)
    assert shown.label.tolist() == true.label.tolist()
    for found, exact in ((shown.position[:, 0], true.shift_x), (shown.position[:, 1], true.shift_y)):
        assert np.median(np.abs(found - exact)) < SHIFTS[1] - SHIFTS[0]
    assert np.median(np.abs(shown.scale - true.scale)) < SCALES[1] - SCALES[0]
    assert len(ROTATIONS) == 3


def test_what_no_shape_explains_is_unlike() -> None:
    noise = torch.randint(0, 256, (20, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    assert seen(noise).unlike.min() > seen(shapes(20, 16, SEED)[0]).unlike.max()


def test_an_image_of_one_colour_shows_nothing_and_nothing_is_no_number() -> None:
    shown = seen(torch.full((2, 3, 16, 16), 128, dtype=torch.uint8))
    assert shown.unlike.max() < 1e-7
    assert np.isfinite(shown.colour).all()


def test_energy_distance_of_two_points_and_one() -> None:
    """2 E|X - Y| - E|X - X'| - E|Y - Y'| of {0, 1} and {3, 3}: 2 · 2.5 - 1 - 0."""
    assert images.energy_distance(np.array([[0.0], [1.0]]), np.array([[3.0], [3.0]])) == 4


def test_the_truth_scores_near_nothing_and_one_image_scores_badly_on_all_but_likeness() -> None:
    drawn, _ = shapes(300, 16, SEED)
    truth, one = images.scores_of_bytes(drawn, 16), images.scores_of_bytes(drawn[:1].repeat(300, 1, 1, 1), 16)
    assert set(truth) == set(images.INSTRUMENTS)
    assert all(truth[name] < one[name] for name in images.INSTRUMENTS if name != "unlike")
    assert truth["factors"] == pytest.approx(0, abs=0.05)  # ten times what samples of 1000 have
    assert one["class"] == pytest.approx(0.9)


def test_images_that_are_no_numbers_have_no_score() -> None:
    assert set(images.scores(torch.full((4, 3, 16, 16), torch.nan), 16).values()) == {None}


@pytest.mark.parametrize("damage", DAMAGES)
def test_no_damage_leaves_the_images_or_their_law(damage: str) -> None:
    harm, amounts = DAMAGES[damage]
    drawn = shapes(30, 16, SEED)
    same = harm(drawn, 0.0, torch.Generator().manual_seed(1))
    assert amounts[0] == 0
    assert {each.numpy().tobytes() for each in same} <= {each.numpy().tobytes() for each in drawn[0]}
    assert not torch.equal(harm(drawn, amounts[-1], torch.Generator().manual_seed(1)), drawn[0])


def test_estimates_agree_with_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_instruments, "IMAGES", COUNT)
    found = image_instruments.agreement(16)
    assert found["class"] == 1
    assert all(value > 0.9 for value in found.values())


def test_a_run_of_images_is_repeated_bit_for_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "IMAGES", 40)
    e = EXPERIMENTS["shapes16-resnet-gn"].changed(width=1, batch=4, generator_batch=4, steps=2)
    images._truth.cache_clear()
    found = images.train_and_score(e, 3, (1, 2))
    assert found == images.train_and_score(e, 3, (1, 2))
    assert len(found) == 2 * len(images.INSTRUMENTS)
    assert found["factors/1/0"] != found["factors/2/0"]
    images._truth.cache_clear()


def test_a_regime_of_images_has_a_run_a_seed_and_instruments_of_its_own() -> None:
    (regime,) = (each for each in REGISTERED.regimes() if each.name == "shapes")
    assert arms.kind(regime).instruments == ("factors", "fid")
    assert arms.settings(regime, "gn")["images"] == images.IMAGES
    assert {*arms.kind(regime).instruments, *arms.kind(regime).beside} <= set(images.INSTRUMENTS)
    ring = replace(regime, base="ring-mlp", recipe={"lr_generator": 5e-3})
    assert arms.kind(ring).instruments == ("wasserstein", "stray")
