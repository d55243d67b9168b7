"""Figure 3: D*, the discriminator that the log loss would have learnt."""

from dataclasses import dataclass
from fractions import Fraction

from gnref.laws.law import law_of_f


@dataclass(frozen=True)
class Densities:
    """Two positive densities p_r(x), p_g(x) at one point, and another value d in (0, 1) to compare with."""

    real: Fraction
    fake: Fraction
    other: Fraction


@law_of_f("d-star", drawn="densities")
def best_discriminator(case: Densities) -> float:
    """p_r log d + p_g log(1 - d) is largest at d = p_r/(p_r + p_g) alone: its derivative is > 0 below and < 0 above."""

    def derivative(d: Fraction) -> Fraction:
        return case.real / d - case.fake / (1 - d)

    best = case.real / (case.real + case.fake)
    other = case.other
    holds = derivative(best) == 0 and (other == best or (derivative(other) > 0) == (other < best))
    if not holds:
        raise AssertionError(
            f"d = p_r/(p_r + p_g) is the maximum at {case}: the derivative there is {derivative(best)}"
        )
    return 0.0


@law_of_f("d-star-lipschitz", refuted=True)
def best_discriminator_is_lipschitz(case: Fraction) -> float:
    """‖∇D*‖ ≤ 1 for two Gaussians with covariances diag(1, 4) and diag(4, 1), at the point (t, t). `case` is t.

    There D* = 1/2 and ∇D* = ∇(log p_r - log p_g)/4 = (3/16)(-t, t): ‖∇D*‖² = 9t²/128.
    """
    gradient = (case * (Fraction(1, 4) - 1) / 4, case * (1 - Fraction(1, 4)) / 4)
    squared = sum((c * c for c in gradient), Fraction(0))
    if squared > 1:
        raise AssertionError(f"‖∇D*({case}, {case})‖² ≤ 1: got {squared}")
    return 0.0
