"""B.3: what inference and a training step cost."""

from fractions import Fraction as F

from gnref.claims.claim import Claim, Prose, Step, equal
from gnref.claims.witnesses import LEAKY
from gnref.exact import ExactNetwork


def _products(network: ExactNetwork) -> list[int]:
    """Multiply-adds a sample of each layer's matrix product."""
    return [weight.size for weight, _ in network.matrices()]


def _inference() -> list[Prose | Step]:
    forward = sum(_products(LEAKY))
    backward = sum(_products(LEAKY)[::-1])  # ∇ₓf multiplies by every matrix once more, transposed
    return [
        Prose("Sampling evaluates the generator alone, which no normalization of D touches"),
        Step(
            f"leaky_½(6x + 8y) + 5: f takes {forward} multiply-adds, f̂ takes {forward + backward}, for it needs ∇ₓf: "
            "2 passes for 1",
            F(forward + backward, forward) == 2,
        ),
    ]


def _training() -> list[Prose | Step]:
    layers = _products(LEAKY)
    forward = sum(layers)
    plain = forward + sum(layers[1:]) + sum(layers)  # forward, adjoint down to the first layer, weight gradients
    replayed = forward + sum(layers) + sum(layers) + sum(layers)  # forward, ∇ₓf, tangent, weight gradients
    return [
        Step(
            f"f: forward, adjoint, weight gradients are {plain} multiply-adds of leaky_½(6x + 8y) + 5, "
            f"at most 3 times the {forward} of a forward pass",
            plain <= 3 * forward,
        ),
        Step(
            f"f̂ by replay: forward, ∇ₓf, tangent, weight gradients are {replayed}: 4 times",
            replayed == 4 * forward,
        ),
        Prose("f̂ by double backward: forward and ∇ₓf are 2 passes, and each is differentiated for 3 in all"),
        equal("so at most", 3 * F(forward + sum(layers), forward), 6),
        Step("Table 1: 15.73/6.48 = 2.43 times slower for D", round(F(1573, 648), 2) == F(243, 100)),
    ]


CLAIMS = (
    Claim(
        "inference-cost",
        "B.3, last sentence",
        "The inference speed is the same for all approaches.",
        "Inference is sampling from the generator. A value of f̂ costs two passes where f costs one.",
        "inference means the generator",
        "holds under an extra assumption",
        "The generator is untouched; evaluating the normalized discriminator is twice the work.",
        _inference,
    ),
    Claim(
        "training-cost",
        "B.3, Table 1",
        "A training step needs additional computation with GN.",
        "Matrix products of one D step: at most 3 passes for f, more and at most 6 for f̂.",
        "cost counted in multiply-adds of matrix products",
        "holds",
        "Counted, not timed; the milliseconds of Table 1 are empirical.",
        _training,
    ),
)
