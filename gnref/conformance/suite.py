"""The laws as tests of another library's own pytest suite."""

from collections.abc import Callable
from typing import Any

from gnref.conformance.generator import GeneratorForm
from gnref.conformance.options import Options
from gnref.conformance.plan import Check
from gnref.conformance.subject import Subject
from gnref.errors import UserError
from gnref.laws import Normalize


def parametrize_with_laws(
    normalize: Normalize,
    *,
    generator: GeneratorForm | None = None,
    options: Options | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make one test a law, for `normalize(discriminator, x, *args, **kwargs) -> scores` in the discriminator's shape::

        @parametrize_with_laws(my_normalize, options=Options(expect=("zero-over-zero=NaN, as documented",)))
        def test_gradient_normalization(law):
            law()

    A test's id says what is judged: required-value-v1-float32, robustness-zero-over-zero-v1-float64. Laws that
    declared capabilities leave out are skipped with the reason; expected failures are strict. A robustness law that is
    broken is an xfail, and a failure under `strict`.

    Args:
        normalize: The gradient normalization to judge.
        generator: Its loss-aware form for the generator's step, where it has one.
        options: How it is judged. A budget is refused: a test is a law at a fixed number of cases.

    Raises:
        UserError: an expected failure of a law that is not judged; a device that is missing; a budget.
    """
    import pytest

    options = options or Options()
    if options.budget is not None:
        raise UserError("expected no budget for laws as tests: each is judged at a fixed number of cases")
    subject = Subject(normalize, generator, options)

    def parameter(check: Check) -> Any:
        reason = subject.reason_to_fail(check)
        marks = [pytest.mark.skip(reason=check.skip)] if check.skip else []
        marks += [pytest.mark.xfail(reason=reason, strict=True, raises=AssertionError)] if reason else []
        if check.law.level == "robustness" and not (options.strict or reason):
            marks.append(pytest.mark.xfail(reason="robustness is not required", strict=False, raises=AssertionError))
        return pytest.param(LawTest(subject, check), id=check.id, marks=marks)

    return pytest.mark.parametrize("law", [parameter(check) for check in subject.checks()])


class LawTest:
    """One law to be judged: calling it raises AssertionError where the law is broken, with a snippet that shows it."""

    def __init__(self, subject: Subject, check: Check) -> None:
        self._subject, self._check = subject, check

    def __repr__(self) -> str:
        return self._check.id

    def __call__(self) -> None:
        """Judge it."""
        __tracebackhide__ = True
        found = self._subject.judge(self._check)
        if found.outcome != "kept":
            law = f"{found.law} (version {found.version}): {found.statement}"
            raise AssertionError(f"{law}\n{found.outcome}: {found.reason}\n\n{found.snippet}")
