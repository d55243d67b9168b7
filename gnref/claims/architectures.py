"""Appendix D: which of its discriminators Theorem 6 can speak of at all."""

from fractions import Fraction as F

from gnref.claims.claim import Claim, Prose, Step, equal


def _minibatch() -> list[Prose | Step]:
    x, y = F(0), F(2)
    mean = (x + y) / 2
    squared = ((x - mean) ** 2 + (y - mean) ** 2) / 2
    summed = [F(1) - F(1), F(1) + F(1)]  # d/dx and d/dy of (x + s) + (y + s), with ds/dx = -1/2 and ds/dy = 1/2
    own = [1 - F(1, 2), 1 + F(1, 2)]
    return [
        Prose("f_i = x_i + s with s the standard deviation of a batch of two, (0, 2)"),
        equal("s²", squared, 1),
        Step("the gradient of the sum of both scores is (0, 2)", summed == [0, 2]),
        Step("the derivative of each score in its own sample is 1/2 and 3/2", own == [F(1, 2), F(3, 2)]),
        equal("so f̂ of the first, 1/(1/2 + 1), where one backward pass gives 1", F(1) / (own[0] + 1), F(2, 3)),
    ]


CLAIMS = (
    Claim(
        "discriminators-piecewise-linear",
        "Appendix D, its discriminators",
        "The standard CNN, the ResNets, and BigGAN's and StyleGAN's discriminators without minibatch statistics are "
        "piecewise linear in x, sample by sample.",
        "With ReLU or leaky ReLU, and spectral normalization as it stands between two updates; as this package has "
        "them.",
        "no batch normalization, no attention, no minibatch standard deviation in D",
        "holds",
        "Convolutions, sums, averages and piecewise-linear activations. The appendix does not say whether StyleGAN's "
        "minibatch standard deviation was kept.",
        _minibatch,
    ),
    Claim(
        "minibatch-statistics",
        "Appendix D, StyleGAN as it was published",
        "StyleGAN's discriminator with its minibatch standard deviation is piecewise linear, sample by sample.",
        "The published StyleGAN, whose last block sees the batch's standard deviation.",
        "minibatch standard deviation in D",
        "does not extend to",
        "A standard deviation is curved, and couples the samples of a batch: the gradient of the sum of the scores is "
        "no longer each score's own.",
        _minibatch,
    ),
)
