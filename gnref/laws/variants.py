"""GN's relatives: Figure 2's GN_1, f / (‖∇ₓf‖ + 1), and GN_0, f / ‖∇ₓf‖; GraN, f ‖∇ₓf‖ / (‖∇ₓf‖² + ε)."""

from gnref.laws.case import Case, Normalize, judge
from gnref.laws.expected import expected_value, gran_slope, judge_input, live, scores_of
from gnref.laws.law import law


@law("gn-1", drawn="cases", zeta="one")
def value_gn_1(normalize: Normalize, case: Case) -> float:
    """GN_1: f̂ = f / (‖∇ₓf‖₂ + 1) within (n/2 + 28) roundings."""
    expected, bound = expected_value(case, "one")
    return judge("GN_1", scores_of(normalize, case)[:, 0], expected, bound, case.snippet())


@law("gn-1", drawn="cases", zeta="one")
def slope_gn_1(normalize: Normalize, case: Case) -> float:
    """GN_1: ∇ₓf̂ = ∇ₓf/(g + 1) inside every region, so its norm is g/(1 + g) < 1."""
    case = live(case)
    if not case.points:
        return 0.0
    alpha = 1 / (case.norm + 1)
    return judge_input(normalize, case, alpha, alpha)


@law("gn-0", drawn="cases", zeta="zero")
def value_gn_0(normalize: Normalize, case: Case) -> float:
    """GN_0: f̂ = f / ‖∇ₓf‖₂ where ‖∇ₓf‖ > 0, within (n/2 + 28) roundings."""
    case = live(case)
    if not case.points:
        return 0.0
    expected, bound = expected_value(case, "zero")
    return judge("GN_0", scores_of(normalize, case)[:, 0], expected, bound, case.snippet())


@law("gn-0", drawn="cases", zeta="zero")
def slope_gn_0(normalize: Normalize, case: Case) -> float:
    """GN_0: ∇ₓf̂ = ∇ₓf/g inside every region where g > 0, so its norm is exactly 1."""
    case = live(case)
    if not case.points:
        return 0.0
    alpha = 1 / case.norm
    return judge_input(normalize, case, alpha, alpha)


@law("gran", drawn="cases", zeta="gran")
def value_gran(normalize: Normalize, case: Case) -> float:
    """GraN with K = 1: f̂ = f g/(g² + ε), ε = 0.1, within (n/2 + 28) roundings; 0 where g = 0, whatever f is."""
    expected, bound = expected_value(case, "gran")
    return judge("GraN", scores_of(normalize, case)[:, 0], expected, bound, case.snippet())


@law("gran", drawn="cases", zeta="gran")
def slope_gran(normalize: Normalize, case: Case) -> float:
    """GraN with K = 1: ∇ₓf̂ = g/(g² + ε) ∇ₓf inside every region, so its norm is g²/(g² + ε) < 1."""
    alpha = gran_slope(case.norm)
    return judge_input(normalize, case, alpha, alpha)
