"""B.1: the softplus of Figure 1, which approaches ReLU in its values and not in its slopes."""

from fractions import Fraction as F

from gnref.claims.claim import Claim, Prose, Step


def _softplus() -> list[Prose | Step]:
    terms = 12
    log_2 = sum((F(1, k * 2**k) for k in range(1, terms)), F(0)) + F(1, terms * 2 ** (terms - 1))
    return [
        Prose("softplus_β(x) - relu(x) = ln(1 + e^(-β|x|))/β, largest at x = 0: ln 2/β"),
        Step("ln 2 = Σ 1/(k 2^k) < 7/10, by 11 terms and a bound of the rest", log_2 < F(7, 10)),
        Step("so for β = 20 the two differ by less than 7/200 everywhere", log_2 / 20 < F(7, 200)),
    ]


def _softplus_slopes() -> list[Prose | Step]:
    def slope(t: F) -> F:
        return t / (1 + t)  # softplus_β' = σ(βx) = t/(1 + t) with t = e^(βx)

    beta, s = F(20), slope(F(1, 2))
    h = beta * s * (1 - s)
    most = F(1) + F(1, 2) / beta
    steep = (h - s * s) / (s + most) ** 2
    return [
        Step(
            "softplus_β'(x) = 1/(1 + e^(-βx)); at 0 it is 1/2 for every β, where relu' is 0 or 1",
            slope(F(1)) == F(1, 2),
        ),
        Step("f = softplus_β(x) + 1 where e^(βx) = 1/2: f' = 1/3, f'' = 2β/9", (s, h) == (F(1, 3), 2 * beta / 9)),
        Step("f = 1 + ln(3/2)/β with 0 ≤ ln(3/2) ≤ 1/2: between 1 and 41/40 at β = 20", most == F(41, 40)),
        Prose("f̂' = (g² - f f'')/(g + f)²; with 1 ≤ f ≤ 41/40 at β = 20:"),
        Step(f"   |f̂'| ≥ (40/9 - 1/9)/(1/3 + 41/40)² = {steep} > 2; it grows as β/8", steep > 2),
    ]


CLAIMS = (
    Claim(
        "softplus-limit",
        "B.1, Figure 1",
        "Softplus becomes similar to ReLU as β increases.",
        "0 ≤ softplus_β - relu ≤ ln2/β, uniformly in x: values.",
        "none",
        "holds",
        "The difference is ln(1 + e^(-β|x|))/β.",
        _softplus,
    ),
    Claim(
        "softplus-limit-gradients",
        "B.1, as an explanation of Figure 1",
        "Softplus becomes similar to ReLU in its slopes too, so f̂ of a steep softplus is as smooth as Theorem 6 says.",
        "Uniform convergence of derivatives, and ‖∇f̂‖ ≤ 1.",
        "β large",
        "does not extend to",
        "The appendix says similar, and explains scores by it. The slopes differ by 1/2 at 0 for every β, and "
        "f̂ of softplus_β(x) + 1 has slope about β/8: the jump.",
        _softplus_slopes,
    ),
)
