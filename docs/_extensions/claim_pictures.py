"""The pictures of the claims' pages, of the networks of their examples: f, its slope and f̂ on a line, f̂ on a plane.

`python docs/_extensions/claim_pictures.py` writes the README's picture, docs/_static/kink.png.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gnref.claims.witnesses import AFFINE, CLIFF, EQUAL_NORMS, JUMP, LEAKY, RESIDUAL, SHIFT, relu_unit
from gnref.exact import ExactNetwork
from gnref.figures import PALETTE, picture
from gnref.quotient import EPSILON


def _line(network: ExactNetwork, name: str, zeta: str = "abs") -> bytes:
    """f, ‖∇f‖ and f̂ for one input in [-2, 2], each linear piece as a curve of its own."""
    x = np.linspace(-2, 2, 2001) + 1e-4  # no kink of these networks lies on this grid
    found = network.evaluate(x[:, None])
    norm = np.sqrt(found.squared_norm)
    gran = EPSILON / np.where(norm > 0, norm, np.inf)
    added = {"abs": np.abs(found.score), "one": np.ones_like(norm), "zero": np.zeros_like(norm), "gran": gran}[zeta]
    borders = np.flatnonzero(np.abs(np.diff(found.gradient[:, 0])) > 0) + 1
    formulas = {"abs": "f / (‖∇f‖ + |f|)", "one": "f / (‖∇f‖ + 1)", "zero": "f / ‖∇f‖", "gran": "f ‖∇f‖ / (‖∇f‖² + ε)"}
    quotient = f"f̂ = {formulas[zeta]}"
    curves = {f"f(x) = {name}": found.score, "‖∇f‖": norm, quotient: found.score / (norm + added)}

    def draw(figure: Any) -> None:
        for axes, (title, values) in zip(figure.subplots(1, 3), curves.items(), strict=True):
            for piece in np.split(np.arange(len(x)), borders):
                axes.plot(x[piece], values[piece], color=PALETTE[0], linewidth=2)
            for border in borders:
                ends = values[border - 1 : border + 1]
                axes.plot(x[[border, border]], ends, color=PALETTE[1], linestyle=":", linewidth=1.5)
            axes.set(title=title, xlabel="x")

    return picture(draw, 9, 2.6)


def _plane(network: ExactNetwork, name: str) -> bytes:
    """f̂ for two inputs in [-2, 2]², and where ‖∇f‖ changes."""
    side = np.linspace(-2, 2, 401) + 1e-4
    x, y = np.meshgrid(side, side)
    found = network.evaluate(np.stack([x.ravel(), y.ravel()], axis=1))
    norm = np.sqrt(found.squared_norm)
    values = (found.score / (norm + np.abs(found.score))).reshape(x.shape)
    pattern = np.unique(found.gradient, axis=0, return_inverse=True)[1].reshape(x.shape)

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        image = axes.pcolormesh(x, y, values, vmin=-1, vmax=1, shading="auto", rasterized=True)
        for region in range(1, pattern.max() + 1):
            axes.contour(x, y, pattern == region, levels=[0.5], colors="white", linewidths=1)
        axes.contour(x, y, values, levels=[0], colors=PALETTE[1], linewidths=1.5)
        axes.set(title=f"f̂ of {name}; white: kinks, orange: f = 0", xlabel="x", ylabel="y", aspect="equal")
        axes.grid(visible=False)
        figure.colorbar(image, label="f̂")

    return picture(draw, 5.5, 4.4)


def _softplus() -> bytes:
    """f̂ of softplus_β(x) + 1 and its slope, for three β, beside relu's."""
    x = np.linspace(-0.6, 0.6, 2001)

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        for beta, color in zip((5, 20, 100), PALETTE, strict=False):
            f = np.logaddexp(0, beta * x) / beta + 1
            normalized = f / (1 / (1 + np.exp(-beta * x)) + f)
            left.plot(x, normalized, color=color, label=f"β = {beta}")
            right.plot(x, np.abs(np.gradient(normalized, x)), color=color, label=f"β = {beta}")
        left.plot(x[x < 0], np.ones((x < 0).sum()), color="black", linestyle="--", label="relu")
        left.plot(x[x > 0], (x[x > 0] + 1) / (x[x > 0] + 2), color="black", linestyle="--")
        right.axhline(1, color="gray", linewidth=0.8)
        left.set(title="f̂ of softplus_β(x) + 1", xlabel="x")
        right.set(title="its slope; Theorem 6 says at most 1", xlabel="x")
        left.legend()
        right.legend()

    return picture(draw, 9, 3)


PICTURES: dict[str, tuple[Callable[[], bytes], str]] = {
    "lemma-3-forward": (lambda: _plane(AFFINE, "3x + 4y - 5"), "f̂ of an affine function has one slope a level."),
    "lemma-3-backward": (lambda: _plane(LEAKY, "leaky_½(6x + 8y) + 5"), "Two linear regions."),
    "lemma-3-almost-everywhere": (lambda: _line(JUMP, "relu(x) + 1"), "The slope is bounded on both sides, f̂ jumps."),
    "theorem-5-residual": (lambda: _line(RESIDUAL, "x + relu(x)"), "A residual layer doubles the slope."),
    "theorem-6": (lambda: _plane(AFFINE, "3x + 4y - 5"), "What the hypotheses admit: affine functions."),
    "theorem-6-almost-everywhere": (
        lambda: _plane(LEAKY, "leaky_½(6x + 8y) + 5"),
        "Inside each region the slope holds.",
    ),
    "theorem-6-global": (lambda: _line(CLIFF, "1 - relu(10x + 1) + relu(10x - 1)"), "f̂ leaps from 1 and to -1."),
    "theorem-6-equal-norms": (
        lambda: _plane(EQUAL_NORMS, "|x + y| + 2|x - y + 1| - 2"),
        "One gradient norm everywhere: kinks, and no jump.",
    ),
    "normalized-function": (lambda: _line(SHIFT, "x + 3"), "An affine function and its normalization."),
    "output-range": (lambda: _line(JUMP, "relu(x) + 1"), "1 is reached where the slope is 0, and nowhere else."),
    "softplus-limit-gradients": (_softplus, "The steeper the softplus, the steeper f̂ where relu's jumps."),
    "gn-1": (lambda: _line(relu_unit(2, 0, 1, 0.5), "leaky_½(2x) + 1", "one"), "GN_1 jumps too, and is not bounded."),
    "gn-0": (lambda: _line(relu_unit(2, 0, 1, 0.5), "leaky_½(2x) + 1", "zero"), "GN_0 has slope 1, and jumps too."),
    "gran": (
        lambda: _line(relu_unit(2, 0, 1, 0.5), "leaky_½(2x) + 1", "gran"),
        "GraN jumps, and is not bounded.",
    ),
}
"""What draws a claim's picture, and its caption."""

if __name__ == "__main__":
    (Path(__file__).parent.parent / "_static" / "kink.png").write_bytes(_line(JUMP, "relu(x) + 1"))
