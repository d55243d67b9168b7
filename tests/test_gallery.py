"""Discriminators and training code as they are out there: each right or refused by a sentence, as the tables say."""

import logging
from typing import Any

import pytest
from subjects import compositions, gallery
from subjects.versions import OLDEST


@pytest.mark.filterwarnings("ignore:gradient_normalize. the discriminator ends in a sigmoid")
@pytest.mark.parametrize("name", gallery.GALLERY)
def test_the_gallery_is_what_the_command_writes(name: str) -> None:
    row = gallery.row(name)
    assert row in gallery.TABLE.read_text(encoding="utf-8")
    assert "wrong" not in row
    assert row.count("right") == 1


@pytest.mark.filterwarnings("ignore:gradient_normalize. the discriminator ends in a sigmoid")
@pytest.mark.parametrize("name", gallery.GALLERY)
def test_every_method_is_right_or_refuses(name: str) -> None:
    """The replay of what is piecewise linear, small as it is, and double backward of everything."""
    exhibit = gallery.GALLERY[name]
    assert gallery.judged(exhibit, remedied=True, method="double-backward") == "right"
    replayed = gallery.judged(exhibit, remedied=True, method="replay")
    assert replayed == "right" or "is exact for piecewise-linear discriminators only" in replayed


def test_there_are_twenty() -> None:
    assert len(gallery.GALLERY) >= 20
    assert len(gallery.TABLE.read_text(encoding="utf-8").splitlines()) == len(gallery.GALLERY) + 2


@pytest.fixture
def quiet() -> Any:
    """Without the compiler's notes on what it leaves alone."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("name", compositions.COMPOSITIONS)
def test_the_compositions_are_what_the_command_writes(name: str) -> None:
    if OLDEST and "export" in name:
        pytest.skip("PyTorch 2.6 refuses it in words of its own")
    row = compositions.row(name)
    assert row in compositions.TABLE.read_text(encoding="utf-8")
    assert "wrong" not in row
