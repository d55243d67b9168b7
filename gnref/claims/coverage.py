"""Where every numbered equation and every sentence of the appendix that claims something stands in the ledger.

A place is what a reader can find in the paper: a section, an equation, a table. A sentence is given in our words. What
claims nothing (settings, references, captions that only name) is in `SETTINGS`.
"""

from typing import NamedTuple


class Place(NamedTuple):
    """A numbered equation or a claiming sentence of the appendix, and the claims that speak of it."""

    where: str
    what: str
    claims: tuple[str, ...]


def _place(where: str, what: str, *claims: str) -> Place:
    return Place(where, what, claims)


COVERAGE: tuple[Place, ...] = (
    _place("A, Eq. 1", "the Lipschitz constant as a minimum", "equation-1-minimum"),
    _place("A, Lemma 3", "(1) and (2) are equivalent", "lemma-3-forward", "lemma-3-backward"),
    _place("A, Eq. 2", "‖∇f(x)‖ ≤ L_f everywhere", "lemma-3-forward"),
    _place("A, Eq. 3", "(1) again", "lemma-3-forward"),
    _place("A, Eq. 4", "the directional derivative as a limit", "equation-4"),
    _place("A, Eq. 5", "‖∇f‖ as the largest directional derivative", "lemma-3-forward"),
    _place("A, Eq. 6a", "|f(x) - f(y)|", "equation-6"),
    _place("A, Eq. 6b", "as a line integral of ∇f", "equation-6"),
    _place("A, Eq. 6c", "along the straight line", "equation-6"),
    _place("A, Eq. 6d", "by Cauchy-Schwarz", "equation-6", "lemma-3-backward"),
    _place("A, Eq. 6e", "by (2)", "lemma-3-backward"),
    _place("A, Eq. 6f", "= L_f‖x - y‖", "lemma-3-backward"),
    _place("A, Theorem 5", "layers do not raise the Lipschitz constant", "theorem-5", "theorem-5-residual"),
    _place("A, Eq. 7", "L_(f_k) ≤ L_(f_(k-1))", "theorem-5"),
    _place("A, Eq. 8", "1-Lipschitz layers and activations", "theorem-5", "equation-8-convolutions"),
    _place("A, Eq. 9", "distances layer by layer", "theorem-5", "equation-9-last-sign"),
    _place("A, Eq. 10", "the quotient never rises", "theorem-5"),
    _place("A, Theorem 6", "f̂ is 1-Lipschitz", "theorem-6", "theorem-6-global", "theorem-6-repaired"),
    _place("A, Eq. 11", "‖∇f̂‖ in closed form, at most 1", "theorem-6-almost-everywhere", "theorem-6-global"),
    _place("A, Eq. 12a", "f̂'s gradient, with a bar missing", "theorem-6"),
    _place("A, Eq. 12b", "the quotient rule", "theorem-6-almost-everywhere", "theorem-6-smooth"),
    _place("A, Eq. 13a", "∇‖∇f‖ = H∇f/‖∇f‖", "equation-13"),
    _place("A, Eq. 13b", "∇|f| = ∇f f/|f|", "equation-13"),
    _place("A, proof of Theorem 6", "the Hessian is a zero matrix", "theorem-6-almost-everywhere", "kink-values"),
    _place("A, Eq. 14", "‖∇f̂‖ without the Hessian", "theorem-6-almost-everywhere"),
    _place("A, Theorem 6", "the definition of f̂", "normalized-function", "unit"),
    _place("B.1", "ReLU achieves the best scores of the activations", "figure-1"),
    _place("B.1", "ReLU with GN outperforms other normalizations and penalties", "figure-1", "table-2"),
    _place("B.1", "Softplus scores low as it is", "figure-1"),
    _place("B.1", "Softplus with β = 20 scores better, for it is similar to ReLU", "softplus-limit", "figure-1"),
    _place("B.1", "it is similar in its slopes too (not said)", "softplus-limit-gradients"),
    _place("B.1", "GN_0's scores vary much over architectures and data sets", "figure-2", "gn-0"),
    _place("B.1", "GN outperforms GN_1 and GN_0", "figure-2", "gn-1", "gn-0"),
    _place("B.1", "another ζ, ε/‖∇f‖, was published in the same year (not said)", "gran"),
    _place("B.1", "which is consistent with STL-10", "figure-2-stl-10"),
    _place("B.2", "the vanilla GAN's surface has steep cliffs, which explode gradients", "figure-3"),
    _place("B.2", "with regularization or normalization it becomes smooth", "figure-3", "segment-law", "jump-bound"),
    _place("B.2, Figure 3", "D* is the optimal discriminator", "d-star", "d-star-lipschitz"),
    _place("B.3", "every approach needs more computation than the vanilla GAN", "training-cost", "table-1"),
    _place("B.3", "GN's training speed is comparable with 1-GP's", "table-1"),
    _place("B.3", "GN outperforms the others in IS and FID", "table-2", "figure-1"),
    _place("B.3", "with more computation the others cannot improve", "more-computation"),
    _place("B.3", "inference speed is the same for all", "inference-cost"),
    _place("B.3, Table 1", "iterations a second", "table-1"),
    _place("B.4", "outputs saturate in [-1, 1]", "output-range", "saturation"),
    _place("B.4", "the sigmoid can be left out of the non-saturating loss", "ns-without-sigmoid"),
    _place("B.4, Eq. 15", "hinge = Wasserstein in gradients", "eq-15-hinge-wasserstein", "eq-15-other-zetas"),
    _place("B.4", "so Wasserstein's scores are hinge's", "eq-15-hinge-wasserstein"),
    _place("B.4, Table 2", "GN is consistent over losses", "table-2"),
    _place("D", "the discriminators it trains", "discriminators-piecewise-linear", "minibatch-statistics"),
    _place("D, Table 3", "what CR augments by", "table-3"),
    _place("D, Eq. 16", "the conditional form", "eq-16-conditional"),
    _place("D", "D̂_y is Lipschitz in x, by Theorem 5 (Theorem 6 is meant)", "eq-16-conditional"),
    _place("D, Table 4", "GN beats CR, GN with CR is best", "table-4"),
    _place("D, Table 5", "scores on CelebA-HQ and LSUN", "table-5"),
    _place("D", "a better architecture would score better", "table-5"),
    _place("D", "StyleGAN with GN: FID 8.65", "stylegan"),
)
"""In the order of the appendix."""

SETTINGS: tuple[str, ...] = (
    "C: how the scores are computed",
    "D: networks, initialization, optimizers, schedules, augmentation and averaging",
    "Figures 4 to 12: samples",
)
"""What the appendix states as its own procedure, which experiments follow and no law can judge."""


def coverage_table() -> str:
    """The table in Markdown."""
    lines = ["| where | what is said, in our words | claims |", "|---|---|---|"]
    for place in COVERAGE:
        what = place.what.replace("|", "\\|")
        lines.append(f"| {place.where} | {what} | {', '.join(f'`{claim}`' for claim in place.claims)} |")
    return "\n".join(lines)
