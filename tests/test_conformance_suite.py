"""The laws as tests of another library's own pytest suite."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gnref import gradient_normalize
from gnref.conformance import Options, parametrize_with_laws
from gnref.errors import UserError

SUITE = """
from gnref import gradient_normalize
from gnref.conformance import Options, parametrize_with_laws

def literal(D, x, *args, **kwargs):
    import torch
    x = x if x.requires_grad else x.detach().requires_grad_()
    f = D(x, *args, **kwargs)
    (v,) = torch.autograd.grad(f.sum(), x, create_graph=True)
    return f / (v.flatten(1).norm(dim=1).view(f.shape) + f.abs())

def half(D, x):
    return literal(D, x) / 2

@parametrize_with_laws(literal, options=Options(expect=("zero-over-zero=NaN, as documented",)))
def test_right(law):
    law()

@parametrize_with_laws(half, options=Options(capability=("no-conditional",)))
def test_wrong(law):
    law()
"""


def test_a_suite_has_one_test_a_law_with_readable_ids(tmp_path: Path) -> None:
    (tmp_path / "test_of_a_library.py").write_text(SUITE)
    line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=junit.xml", "-rA"]
    chosen = ["-k", "required-value or zero-over-zero or exponent or plain or scaling"]
    done = subprocess.run([*line, *chosen], cwd=tmp_path, capture_output=True, text=True, check=False)
    junit = (tmp_path / "junit.xml").read_text()
    assert done.returncode == 1, done.stdout
    assert 'name="test_right[required-value-v1-float64]"' in junit
    assert "PASSED test_of_a_library.py::test_right[required-value-v1-float32]" in done.stdout
    assert "FAILED test_of_a_library.py::test_wrong[required-value-v1-float64]" in done.stdout
    assert "XPASS test_of_a_library.py::test_wrong[robustness-scaling-v1-float64]" in done.stdout
    assert (
        "XFAIL test_of_a_library.py::test_right[robustness-zero-over-zero-v1-float64] - NaN, as documented"
        in done.stdout
    )
    assert (
        "XFAIL test_of_a_library.py::test_right[robustness-exponent-range-v1-float32] - robustness is not"
        in done.stdout
    )
    assert "from test_of_a_library import half as normalize" in done.stdout


@parametrize_with_laws(gradient_normalize, options=Options(strict=True))
def test_the_decorator_itself(law: Callable[[], None]) -> None:
    if "value" in repr(law) or "range" in repr(law):
        law()


def test_the_kit_costs_nothing_until_it_is_used() -> None:
    """Importing the package, or the kit, imports neither pytest nor hypothesis; no plugin is registered."""
    code = "import sys, gnref, gnref.conformance; print({'pytest', 'hypothesis', 'scipy', 'tyro'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
    from importlib.metadata import distribution

    assert not [point for point in distribution("gnref").entry_points if point.group == "pytest11"]


def test_a_budget_is_refused_where_each_law_is_a_test() -> None:
    with pytest.raises(UserError, match="expected no budget"):
        parametrize_with_laws(gradient_normalize, options=Options(budget="10s"))
