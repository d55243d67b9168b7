"""The table of styles in public code is what the laws say today, and each style breaks what it is known to break."""

import pytest
import torch
from subjects import styles, styles_table
from subjects.versions import OLDEST

from gnref.conformance.show import exit_code


@pytest.mark.skipif(OLDEST, reason="under PyTorch 2.6 one style breaks one law less")
def test_the_table_is_what_the_command_writes() -> None:
    written = styles_table.TABLE.read_text(encoding="utf-8")
    assert written == styles_table.table(), "run python tests/subjects/styles_table.py"


@pytest.mark.parametrize(
    ("heading", "code"), [("literal", 0), ("original", 1), ("module", 0), ("+ ε, declared", 0), ("detached", 1)]
)
def test_conforming_is_keeping_the_required_laws(heading: str, code: int) -> None:
    (style,) = [style for style in styles_table.STYLES if style.heading == heading]
    assert exit_code(style.findings()) == code


def test_a_map_of_patches_shares_one_gradient_in_copies_of_the_formula() -> None:
    by_heading = {style.heading: style for style in styles_table.STYLES}
    assert styles_table.dense_map(by_heading["gnref"]) == "refused"
    patches = styles.literal(lambda x: torch.stack([x, -x], dim=2)[:, None], torch.tensor([[2.0]]))
    assert patches.flatten().tolist() == [1.0, -1.0]
    assert styles_table.dense_map(by_heading["literal"]) == "wrong"
