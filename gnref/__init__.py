"""Gradient normalization for GANs: f̂(x) = f(x) / (‖∇ₓf(x)‖ + |f(x)|).

The names below are imported when they are first used (PEP 562), so that what needs no PyTorch does not wait for it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gnref.call import Parts as Parts
    from gnref.losses import Loss as Loss
    from gnref.losses import hinge as hinge
    from gnref.losses import non_saturating as non_saturating
    from gnref.losses import non_saturating_of_ratio as non_saturating_of_ratio
    from gnref.losses import non_saturating_without_sigmoid as non_saturating_without_sigmoid
    from gnref.losses import wasserstein as wasserstein
    from gnref.normalization import GradientNormalized as GradientNormalized
    from gnref.normalization import gradient_normalize as gradient_normalize
    from gnref.normalization import normalization_parts as normalization_parts
    from gnref.penalties import consistency as consistency
    from gnref.penalties import gradient_penalty as gradient_penalty
    from gnref.penalties import zero_gradient_penalty as zero_gradient_penalty
    from gnref.preparing import Prepared as Prepared
    from gnref.preparing import prepare as prepare
    from gnref.registration import register_gradient_normalization as register_gradient_normalization
    from gnref.registration import remove_gradient_normalization as remove_gradient_normalization

__version__ = "0.1.0"

_HOME = {
    # the method
    "GradientNormalized": "normalization",
    "Parts": "call",
    "gradient_normalize": "normalization",
    "normalization_parts": "normalization",
    # adopting it
    "Prepared": "preparing",
    "prepare": "preparing",
    "register_gradient_normalization": "registration",
    "remove_gradient_normalization": "registration",
    # losses
    "Loss": "losses",
    "hinge": "losses",
    "non_saturating": "losses",
    "non_saturating_of_ratio": "losses",
    "non_saturating_without_sigmoid": "losses",
    "wasserstein": "losses",
    # penalties
    "consistency": "penalties",
    "gradient_penalty": "penalties",
    "zero_gradient_penalty": "penalties",
}
"""The module that each public name is from; a type checker reads the same above."""

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(f"gnref.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    if name in _HOME.values():
        return import_module(f"gnref.{name}")
    raise AttributeError(f"module 'gnref' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
