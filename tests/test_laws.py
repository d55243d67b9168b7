"""The laws tell right from wrong: every named mistake dies by its expected law, and no right one is harmed."""

import ast
from fractions import Fraction
from importlib import import_module
from pathlib import Path

import pytest
import torch
from subjects import mistakes

from gnref.claims import CLAIMS, Step, describe, find, listing
from gnref.claims.checked import laws_by_claim
from gnref.errors import UserError
from gnref.exact import ExactNetwork
from gnref.laws import FUNCTION_LAWS, LAWS, Case, Line
from gnref.report.rows import EVIDENCE

ROOT = Path(__file__).parent.parent
BY_ID = {law.id: law for law in LAWS}
ALL = (*LAWS, *FUNCTION_LAWS)
REQUIRED = [law for law in mistakes.JUDGES if law.level == "required"]


@pytest.mark.parametrize("name", mistakes.MISTAKES)
def test_a_mistake_dies_by_its_law(name: str) -> None:
    mistake = mistakes.MISTAKES[name]
    assert mistakes.verdict(mistake.normalize, BY_ID[mistake.law]) == "killed"


@pytest.mark.parametrize("name", mistakes.RIGHT)
def test_a_right_one_is_harmed_by_no_required_law(name: str) -> None:
    found = {law.id: mistakes.verdict(mistakes.RIGHT[name], law) for law in REQUIRED}
    assert set(found.values()) == {""}, found


@pytest.mark.parametrize("name", ["reference, double backward", "reference, auto"])
def test_the_reference_keeps_the_robustness_laws(name: str) -> None:
    found = {law.id: mistakes.verdict(mistakes.RIGHT[name], law) for law in mistakes.JUDGES if law not in REQUIRED}
    assert set(found.values()) == {""}, found


def test_the_literal_formula_breaks_at_the_edges_and_nowhere_else() -> None:
    assert mistakes.broken_by_the_literal_formula() == {
        "zero-over-zero",
        "exponent-range",
        "gradient-range",
        "image-parameter-gradient-far-from-zero",
        "value-without-gradients",
    }


def test_every_law_that_judges_an_implementation_has_examples_that_are_not_vacuous() -> None:
    for law in mistakes.JUDGES:
        cases = list(law.examples())
        assert cases, law.id
        if law.drawn == "cases":
            assert any((case.exact.squared_norm == 0).any() for case in cases)
            assert any((case.exact.squared_norm > 0).any() for case in cases)


def test_every_claim_has_a_law_and_every_law_a_claim() -> None:
    assert {law.claim for law in ALL} == {claim.id for claim in CLAIMS.values() if claim.status != "empirical"}


def test_a_claim_names_its_laws_and_their_properties() -> None:
    """The laws that are read from source are the laws there are, in files of one name, of which each has a property."""
    named = {(law.id, law.file, claim) for claim, laws in laws_by_claim().items() for law in laws}
    assert named == {(law.id, law.file, law.claim) for law in ALL}
    for law in ALL:
        if law.file not in ("contexts", "situations", "calls", "stress", "edges", "images", "networks"):
            assert CLAIMS[law.claim] in import_module(f"gnref.claims.{law.file}").CLAIMS, law
        text = (ROOT / "properties" / f"test_{law.file}.py").read_text()
        assert law.check.__name__ in text or f'law.file == "{law.file}"' in text, law
    where = "gnref/laws/kinks.py, properties/test_kinks.py"
    assert f"one-lipschitz-everywhere    {where}" in describe(find("theorem-6-global"))


def test_every_law_that_judges_an_implementation_says_its_usual_cause_and_remedy() -> None:
    from gnref.conformance.plan import laws

    for law in laws():
        for said in (law.cause, law.remedy):
            assert said.endswith("."), law.id
            assert ":" not in said[:12], law.id


def test_laws_have_one_id_each_and_a_statement_of_one_line() -> None:
    assert len({law.id for law in ALL}) == len(ALL)
    assert all(law.statement.endswith(".") for law in ALL)


def test_a_claim_is_refuted_exactly_where_it_has_a_law_that_must_fail() -> None:
    refuted = {law.claim for law in ALL if law.refuted}
    assert refuted == {claim.id for claim in CLAIMS.values() if claim.refuted}


@pytest.mark.parametrize("claim", [c for c in CLAIMS.values() if c.work is not None], ids=lambda c: c.id)
def test_every_step_of_a_worked_example_holds(claim) -> None:
    assert [line.text for line in claim.work() if isinstance(line, Step) and not line.holds] == []
    assert "does not hold" not in describe(claim)


def test_no_step_of_a_worked_example_is_true_by_being_written() -> None:
    """A sentence is Prose; a Step computes what it says."""
    for path in (ROOT / "gnref" / "claims").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Step":
                assert any(isinstance(part, (ast.Name, ast.Call)) for part in ast.walk(node.args[1])), ast.unparse(node)


def test_claims_are_listed_described_and_found() -> None:
    assert len(listing(CLAIMS.values()).splitlines()) == len(CLAIMS)
    assert "1001/2001" in describe(find("theorem-6"))
    with pytest.raises(UserError, match="did you mean theorem-6"):
        find("theorem6")


def test_a_broken_law_says_what_came_what_should_have_come_and_how_to_see_it() -> None:
    case = Case(ExactNetwork((), ((1.0,), 3.0)), ((0.0,),))
    with pytest.raises(AssertionError) as broken:
        BY_ID["value"](lambda D, x: D(x), case)
    message = str(broken.value)
    assert "expected 0.75, got 3.0" in message
    found: dict[str, object] = {"normalize": mistakes.literal, "print": lambda value: found.update(value=value)}
    exec(message.split("\n", 1)[1], found)
    assert found["value"].item() == 0.75  # type: ignore[attr-defined]


def test_a_case_pastes() -> None:
    case = Case(ExactNetwork((), ((1.0,), 3.0)), ((0.0,), (1.0,)), dtype=torch.float32)
    assert eval(repr(case)) == case
    line = Line(case.network, (0.0,), (1.0,))
    assert eval(repr(line)) == line
    assert line.segment().values.tolist() == [Fraction(3), Fraction(4)]


def test_the_report_ranks_what_every_law_rests_on() -> None:
    assert {law.evidence for law in (*LAWS, *FUNCTION_LAWS)} <= set(EVIDENCE)
