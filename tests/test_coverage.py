"""The ledger leaves nothing out: every numbered equation and claiming sentence has a row, and every row a place."""

from gnref.claims import CLAIMS
from gnref.claims.coverage import COVERAGE, coverage_table

EQUATIONS = [
    *(f"Eq. {n}" for n in (1, 2, 3, 4, 5)),
    *(f"Eq. 6{letter}" for letter in "abcdef"),
    *(f"Eq. {n}" for n in (7, 8, 9, 10, 11)),
    *("Eq. 12a", "Eq. 12b", "Eq. 13a", "Eq. 13b", "Eq. 14", "Eq. 15", "Eq. 16"),
]
TABLES = [f"Table {n}" for n in range(1, 6)]
BESIDE = {"theorem-6-equal-norms", "theorem-6-smallest-k", "theorem-6-rate", "lemma-3-almost-everywhere"}
"""Claims of this project's own, about what the appendix should have said."""


def test_every_numbered_equation_and_table_has_its_row() -> None:
    places = [place.where.split(", ")[-1] for place in COVERAGE]
    for name in (*EQUATIONS, *TABLES):
        assert name in places, name


def test_every_place_names_claims_and_every_claim_has_a_place() -> None:
    named = {claim for place in COVERAGE for claim in place.claims}
    assert all(place.claims for place in COVERAGE)
    assert named | BESIDE == set(CLAIMS)
    assert not named & BESIDE


def test_figures_of_measured_numbers_have_their_claims() -> None:
    assert {f"figure-{n}" for n in (1, 2, 3)} <= {claim for place in COVERAGE for claim in place.claims}
    assert coverage_table().count("\n") == len(COVERAGE) + 1
