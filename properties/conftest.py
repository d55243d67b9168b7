"""Profiles, and the fixture that lets a property's cases be counted and its errors be kept for the report."""

from collections import Counter
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, currently_in_test_context, settings, target

from gnref import gradient_normalize
from gnref.laws import Case, FunctionLaw, Law
from gnref.laws.case import noting_allowed
from gnref.strategies import classes

# A fixture that counts over all cases of a test is the purpose here, so it may outlive one case.
_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}
settings.register_profile("fast", max_examples=50, derandomize=True, **_COMMON)
settings.register_profile("dev", max_examples=100, **_COMMON)
settings.register_profile("wide", max_examples=200, derandomize=True, print_blob=True, **_COMMON)
settings.register_profile("deep", max_examples=5000, **_COMMON)
settings.load_profile("fast")

torch.set_num_threads(1)
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
torch.backends.cudnn.deterministic = True

METHODS = ("double-backward", "replay")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark that names the claim of a test without a law."""
    config.addinivalue_line("markers", "claim(id, refutes=False): the claim of a test that has no parameter `law`")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a property on every device there is, and by every method of computing the gradient."""
    if "device" in metafunc.fixturenames:
        metafunc.parametrize("device", ["cpu", *(["cuda"] if torch.cuda.is_available() else [])])
    if "method" in metafunc.fixturenames:
        metafunc.parametrize("method", METHODS)


class Judged:
    """Judges cases by a law, and counts them."""

    def __init__(self, measured: dict[str, Any]) -> None:
        self.measured, self.classes = measured, Counter[str]()

    def __call__(self, law: Law | FunctionLaw, case: Any, method: str = "auto") -> None:
        """Judge this package's own normalization, with the law's ζ, at one case.

        In a report the row counts the case, and keeps the worst share of a bound, that bound's own share of what it
        judges, or the counterexample.
        """
        dtype, device = str(getattr(case, "dtype", "")).removeprefix("torch."), getattr(case, "device", "")
        check = ": ".join([law.id, *filter(None, [getattr(case, "name", "")])])
        self.measured.update(check=check, evidence=law.evidence, dtype=dtype, device=device)
        self.measured["cases"] = self.measured.get("cases", 0) + 1
        if isinstance(case, Case):
            self.classes.update(name for name, belongs in classes(case).items() if belongs)
            self.measured["classes"] = dict(self.classes)
        try:
            with noting_allowed() as allowed:
                if isinstance(law, Law):
                    share = law(partial(gradient_normalize, zeta=law.zeta, method=method), case)
                else:
                    share = law(case)
        except AssertionError as broken:
            self.measured.setdefault("counterexample", str(broken))
            if law.refuted:
                self.measured["evidence"] = "counterexample"
            raise
        if law.evidence == "derived bound":
            if currently_in_test_context():
                target(share)
            self.measured["worst"] = max(share, self.measured.get("worst", 0.0))
            if allowed:
                self.measured["allowed"] = max(*allowed, self.measured.get("allowed", 0.0))


@pytest.fixture
def judged(request: pytest.FixtureRequest) -> Judged:
    """What the properties call with a law, a case and, for a law of an implementation, a method."""
    measured: dict[str, Any] = {}
    request.node.user_properties.append(("gnref", measured))
    return Judged(measured)
