"""The one style of pictures."""

import sys
from typing import Any

import pytest

from gnref.errors import UserError
from gnref.figures import PALETTE, picture


def test_a_picture_is_a_png_in_the_style_and_leaves_matplotlibs_settings_alone() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    colors = []

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        colors.append(axes.plot([0, 1], [0, 1])[0].get_color())

    assert picture(draw, 2, 1, dpi=50).startswith(b"\x89PNG")
    assert colors == [PALETTE[0]]
    assert dict(matplotlib.rcParams) == before


def test_the_same_drawing_gives_the_same_bytes() -> None:
    assert picture(lambda figure: figure.subplots(), 1, 1) == picture(lambda figure: figure.subplots(), 1, 1)


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UserError, match=r"pip install 'gnref\[figures\]'"):
        picture(lambda figure: None)
