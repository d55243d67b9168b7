"""Eq. 16: a discriminator with labels is normalized for each label."""

from gnref.laws.case import Case, Normalize, judge
from gnref.laws.examples import conditional_cases
from gnref.laws.expected import expected_value, judge_parameters, scores_of
from gnref.laws.law import law


@law("eq-16-conditional", drawn="conditional_cases", fixed=conditional_cases, needs=("arguments",))
def conditional_value(normalize: Normalize, case: Case) -> float:
    """D̂_y(x) = D_y(x) / (‖∇ₓD_y(x)‖₂ + |D_y(x)|) for each sample's own label y, within (n/2 + 4) roundings."""
    expected, bound = expected_value(case, "abs")
    return judge("D̂_y", scores_of(normalize, case)[:, 0], expected, bound, case.snippet())


@law(
    "eq-16-conditional",
    drawn="conditional_cases",
    fixed=conditional_cases,
    needs=("arguments", "parameter gradient"),
)
def conditional_parameter_gradient(normalize: Normalize, case: Case) -> float:
    """The parameter gradient of D̂_y reaches every layer and every row of the label embedding."""
    return judge_parameters(normalize, case)
