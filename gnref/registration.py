"""Normalizing a discriminator in place: its class's methods, its attributes and its state dict's keys stay."""

import inspect
import types
from functools import cache
from typing import Any, Literal, TypeVar

import torch
from torch import nn

from gnref import remedies
from gnref.call import Method
from gnref.normalization import gradient_normalize
from gnref.outputs import Selection
from gnref.quotient import Zeta

Discriminator = TypeVar("Discriminator", bound=nn.Module)


def register_gradient_normalization(
    discriminator: Discriminator,
    zeta: Zeta = "abs",
    method: Method = "auto",
    reduce: Literal["mean"] | None = None,
    output: Selection | None = None,
    coupled: bool = False,
) -> Discriminator:
    """Make a discriminator return f̂ = f / (‖∇ₓf‖ + ζ) in place of f, and return it; arguments as `gradient_normalize`.

    Everything else about it stays: `isinstance`, methods, attributes, parameters and state dict keys, so that a trainer
    that calls `D.train_step` and checkpoints of the plain D go on working. `self(x)` inside of its methods is f̂ too. It
    can be copied and pickled. Called after `torch.nn.utils.parametrizations.spectral_norm`, and before DDP and
    `fully_shard`. Its own forward hooks see f̂, and its backward hooks the gradient of f̂; hooks of the modules inside
    see what they saw without normalization, and backward hooks among them cost the replay.

    Raises:
        TypeError: it is no module.
        ValueError: it is registered already, a ScriptModule, or has a `forward` of the instance's own.

    >>> import torch, gnref
    >>> D = gnref.register_gradient_normalization(torch.nn.Linear(2, 1))
    >>> D(torch.ones(3, 2)).abs().le(1).all().item(), isinstance(D, torch.nn.Linear), list(D.state_dict())
    (True, True, ['weight', 'bias'])
    """
    kind: Any = type(discriminator)
    if not isinstance(discriminator, nn.Module):
        raise TypeError(f"register_gradient_normalization: expected a torch.nn.Module, got {kind.__name__}")
    if hasattr(kind, "_plain_class"):
        raise ValueError(
            f"register_gradient_normalization: expected a plain discriminator, got one that is registered; "
            f"{remedies.REMOVE}"
        )
    if isinstance(discriminator, torch.jit.ScriptModule) or "forward" in vars(discriminator):
        what = "a ScriptModule" if isinstance(discriminator, torch.jit.ScriptModule) else "a forward of its own"
        raise ValueError(
            f"register_gradient_normalization: expected a module whose class says what it computes, got {what}; "
            f"{remedies.WRAP}"
        )
    options = {"zeta": zeta, "method": method, "reduce": reduce, "output": output, "coupled": coupled}
    discriminator.__class__ = _normalized(kind)
    discriminator._gradient_normalization = options  # type: ignore[assignment]  # it is no tensor and no module
    return discriminator


def remove_gradient_normalization(discriminator: Discriminator) -> Discriminator:
    """Undo `register_gradient_normalization`: the discriminator returns f again.

    Raises:
        ValueError: it is not registered, or its class was changed again since.

    >>> import torch, gnref
    >>> D = gnref.register_gradient_normalization(torch.nn.Linear(2, 1))
    >>> type(gnref.remove_gradient_normalization(D)).__name__
    'Linear'
    """
    kind: Any = type(discriminator)
    if "_plain_class" not in vars(kind):
        what = "whose class was changed since" if hasattr(kind, "_plain_class") else "that is not"
        raise ValueError(
            f"remove_gradient_normalization: expected a registered discriminator, got a {kind.__name__} {what}; "
            "remove what was put on it in the reverse order"
        )
    del discriminator._gradient_normalization
    discriminator.__class__ = kind._plain_class
    return discriminator


@cache
def _normalized(kind: Any) -> Any:
    """The class that computes f̂ of what `kind` computes; one for each, so that all its discriminators share it."""
    first = next(iter(list(inspect.signature(kind.forward).parameters)[1:]), "x")

    def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        plain = types.MethodType(kind.forward, self)
        if not args and first not in kwargs:
            return plain(**kwargs)  # Python's own error: x is missing
        x, *rest = args or (kwargs.pop(first),)
        return gradient_normalize(plain, x, *rest, **self._gradient_normalization, **kwargs)

    def reduce_ex(self: Any, protocol: Any) -> Any:
        return _empty, (kind,), self.__getstate__()

    body = {
        "_plain_class": kind,
        "forward": forward,
        "__reduce_ex__": reduce_ex,
        "__doc__": kind.__doc__,
        "__module__": kind.__module__,
    }
    return type(f"GradientNormalized{kind.__name__}", (kind,), body)


def _empty(kind: Any) -> Any:
    """An instance without a state, for copies and pickles."""
    normalized = _normalized(kind)
    return normalized.__new__(normalized)
