"""The printed numbers of the appendix, as `published.toml` has them."""

import math
from pathlib import Path

import pytest

from gnref.evidence import equivalence
from gnref.evidence.published import Published

PUBLISHED = Published(Path(__file__).parent.parent / "reproductions" / "published.toml")


def test_every_printed_number_is_there() -> None:
    """Counted in the appendix: 8, 18, 9 (3 of them quoted), 6 (1 quoted) and 1."""
    counts = {table: len(PUBLISHED.cells_of(table)) for table in ("table1", "table2", "table4", "table5", "stylegan")}
    assert counts == {"table1": 8, "table2": 18, "table4": 9, "table5": 6, "stylegan": 1}
    assert sum(cell.external for cell in PUBLISHED.printed()) == 4
    assert len({cell.id for cell in PUBLISHED.printed()}) == 42


def test_signature_of_the_protocol_in_all_eight_rows() -> None:
    """FID(test) - FID(train), 10,000 against 50,000 samples, is 4.04 to 4.26; the guard's bounds contain that."""
    gaps = [
        PUBLISHED.cell(cell.id.replace("fid_train", "fid_test")).value - cell.value
        for cell in PUBLISHED.printed()
        if cell.id.endswith("fid_train")
    ]
    assert len(gaps) == 8
    assert (round(min(gaps), 2), round(max(gaps), 2)) == (4.04, 4.26)


@pytest.mark.parametrize(("score", "rounded"), [("fid", 0.026), ("is", 0.015)])
def test_relative_deviations_are_the_root_mean_square_of_the_printed_ones(score: str, rounded: float) -> None:
    """Over FID(train) and over FID(test) alike, and over IS."""
    for column in {"fid": ("fid_train", "fid_test"), "is": ("is",)}[score]:
        cells = [cell for cell in PUBLISHED.printed() if cell.id.endswith(column) and cell.deviation]
        mean_square = sum((cell.deviation / cell.value) ** 2 for cell in cells if cell.deviation) / len(cells)
        assert len(cells) == 8
        assert round(math.sqrt(mean_square), 3) == rounded == equivalence.RELATIVE_DEVIATION[score]
