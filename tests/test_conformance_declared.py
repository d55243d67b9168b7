"""What a library declares of its gradient normalization: limits, an ε, laws that fail."""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from subjects import mistakes
from subjects.judged import judged, literal, outcomes, quick
from torch import Tensor

from gnref import gradient_normalize
from gnref.conformance import Options, Subject, options
from gnref.conformance.options import CAPABILITIES, Capability, seconds
from gnref.conformance.plan import laws
from gnref.conformance.show import exit_code, text
from gnref.errors import UserError


def test_an_expected_failure_is_strict() -> None:
    kept = judged(Subject(literal, options=Options(expect=("value-float32=why not",))), "value")
    assert [(f.dtype, f.wrong) for f in kept] == [("float64", False), ("float32", True)]
    assert exit_code(kept) == 1
    assert "KEPT, NOT EXPECTED value v1, required, float32: declared to fail: why not" in text(kept, "literal")


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ("valu=x", "such as value"),
        ("value= ", "a law that fails and why"),
        ("value", "why"),
        ("value-gn-1=x", "judged"),
    ],
)
def test_a_wrong_expectation_is_refused(expected: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Subject(literal, options=Options(expect=(expected,)))


def with_eps(eps: float) -> Callable[..., Tensor]:
    return mistakes.formula(lambda f, v: f / (v.norm(dim=1) + f.abs() + eps))


@pytest.mark.parametrize("eps", [1e-12, 1e-8, 1e-3])
def test_a_declared_eps_is_judged_as_gn_and_by_its_size(eps: float) -> None:
    options = Options(eps=eps)
    found = quick(Subject(with_eps(eps), options=options))
    # The formula as it stands refuses to run without gradients, with ε or without.
    assert outcomes(found)["broken"] == {"value-without-gradients"}
    assert outcomes(found)["skipped"] == {law.id for law in laws() if "no epsilon" in law.needs}
    larger = judged(Subject(with_eps(4 * eps), options=options), "declared-eps")
    assert "broken" in {f.outcome for f in larger}


def test_a_declared_eps_hides_no_other_mistake() -> None:
    wrong = mistakes.formula(lambda f, v: f / (v.abs().sum(1) + f.abs() + 1e-8))
    found = judged(Subject(wrong, options=Options(eps=1e-8)), "value")
    assert {f.outcome for f in found} == {"broken"}


def no_labels(D: Any, x: Tensor) -> Tensor:
    return literal(D, x)


def one_sample(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    if len(x) != 1:
        raise ValueError("one sample, please")
    return literal(D, x, *args, **kwargs)


def values(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return literal(D, x, *args, **kwargs).detach()


def single_precision(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    if x.dtype == torch.float64:
        raise TypeError("float64 is not supported")
    return literal(D, x, *args, **kwargs)


def piecewise_linear(D: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return gradient_normalize(D, x, *args, method="replay", **kwargs)


@pytest.mark.parametrize(
    ("normalize", "capability", "without"),
    [
        (no_labels, "no-conditional", "conditional-value"),
        (one_sample, "one-sample", "plain-call"),
        (values, "values-only", "plain-call"),
        (single_precision, "float32-only", "plain-call"),
        (piecewise_linear, "piecewise-linear-only", "slope-formula"),
    ],
)
def test_a_capability_leaves_out_what_the_subject_cannot_do(
    normalize: Any, capability: Capability, without: str
) -> None:
    subject = Subject(normalize, options=Options(capability=(capability,)))
    findings = quick(subject)
    assert exit_code(findings) == 0, outcomes(findings)
    assert all(f.reason.startswith("declared: ") for f in findings if f.outcome == "skipped")
    assert {f.outcome for f in judged(Subject(normalize), without)} <= {"broken", "raised"}


def test_an_unknown_capability_is_refused() -> None:
    with pytest.raises(UserError, match="expected a capability of no-conditional, images-only"):
        Options(capability=("no-labels",)).check()  # type: ignore[arg-type]
    with pytest.raises(UserError, match="between 0 and"):
        Options(eps=1.0).check()


@pytest.mark.parametrize("duration", ["", "ten", "0s", "-1s", "10h"])
def test_a_duration_is_one(duration: str) -> None:
    assert (seconds("10s"), seconds("2m"), seconds("0.5")) == (10.0, 120.0, 0.5)
    with pytest.raises(UserError, match="expected a duration"):
        seconds(duration)


def test_options_are_those_of_the_command_line_and_need_no_torch() -> None:
    """Every capability is explained, and the module imports nothing of the package but the error it raises."""
    assert set(CAPABILITIES) == set(get_args(Capability))
    tree = ast.parse(Path(options.__file__).read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {module for module in imported if module and module.startswith(("gnref", "torch"))} == {"gnref.errors"}


def test_a_file_of_expected_failures_is_read_beside_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "expected.txt"
    file.write_text("# the edges\n\nzero-over-zero=0/0 is NaN\n exponent-range = as the formula stands\n")
    found = Options(expect=("gradient-range=likewise",), expect_file=file).expected
    assert found == {
        "gradient-range": "likewise",
        "zero-over-zero": "0/0 is NaN",
        "exponent-range": "as the formula stands",
    }
    assert exit_code(judged(Subject(literal, options=Options(expect_file=file)), "zero-over-zero"), strict=True) == 0


def test_a_file_of_expected_failures_that_is_none_is_refused(tmp_path: Path) -> None:
    twice, binary, words = tmp_path / "twice", tmp_path / "binary", tmp_path / "words"
    twice.write_text("value=a\nvalue=b\n")
    binary.write_bytes(b"\xff\xfe")
    words.write_text("value fails\n")
    for file, message in (
        (twice, "value twice"),
        (binary, "no UTF-8"),
        (words, "and why"),
        (tmp_path, "no file"),
        (Path("/dev/zero"), "no file"),
    ):
        with pytest.raises(UserError, match=message):
            Options(expect_file=file).check()
