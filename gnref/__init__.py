"""Gradient normalization for GANs: f̂(x) = f(x) / (‖∇ₓf(x)‖ + |f(x)|)."""

from gnref.losses import Loss, hinge, non_saturating, non_saturating_without_sigmoid, wasserstein
from gnref.normalization import GradientNormalized, Parts, gradient_normalize, normalization_parts
from gnref.penalties import consistency, gradient_penalty, zero_gradient_penalty

__version__ = "0.1.0"

__all__ = [
    # the method
    "GradientNormalized",
    "Parts",
    "gradient_normalize",
    "normalization_parts",
    # losses
    "Loss",
    "hinge",
    "non_saturating",
    "non_saturating_without_sigmoid",
    "wasserstein",
    # penalties
    "consistency",
    "gradient_penalty",
    "zero_gradient_penalty",
]
