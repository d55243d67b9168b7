"""How a subject is called: as a function or as a module that wraps a discriminator, labels by position or by name."""

import inspect
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from gnref.laws import Normalize

PLAIN_DEFAULTS = (bool, int, float, str)
"""A parameter with a default of these is a setting such as eps=1e-8, never a label."""


class TakesNoLabel(TypeError):
    """The subject has no place for what a conditional discriminator takes beside x."""


def as_function(subject: Callable[..., Any], leading: int = 2) -> Normalize:
    """The subject as `normalize(discriminator, x, *args, **kwargs)`, by what its signature allows.

    - A module class, or a function that takes a discriminator alone: the module it makes is called with x.
    - Labels go by position where it has `*args`, or one more parameter that has no default or None.
    - Else by name where it has `**kwargs`, as the original `normalize_gradient(net_D, x, **kwargs)`: the name that the
      discriminator's own forward gives them.
    - Else it has no place for them: TakesNoLabel.

    Args:
        subject: The callable.
        leading: How many arguments come before the labels: D and x; of a generator's form D, x and the loss.
    """
    try:
        signature = inspect.signature(subject)
    except (TypeError, ValueError):  # some compiled functions have none
        return subject
    if leading == 2 and _wraps(subject, signature):
        return _wrapped(subject)
    parameters = list(signature.parameters.values())
    kinds = {parameter.kind for parameter in parameters}
    if inspect.Parameter.VAR_POSITIONAL in kinds or _has_a_place_for_labels(parameters, leading):
        return subject
    by_name = inspect.Parameter.VAR_KEYWORD in kinds

    def call(discriminator: Any, x: Tensor, *args: Any, **kwargs: Any) -> Any:
        before, labels = args[: leading - 2], args[leading - 2 :]
        if labels and not by_name:
            raise TakesNoLabel(f"it takes no label: its parameters are {signature}")
        if labels:
            names = _names(discriminator)[: len(labels)]
            if len(names) < len(labels):
                discriminator = _Named(discriminator)
                names = [f"argument_{i}" for i in range(len(labels))]
            kwargs = {**dict(zip(names, labels, strict=True)), **kwargs}
        return subject(discriminator, x, *before, **kwargs)

    return call


def _wraps(subject: Callable[..., Any], signature: inspect.Signature) -> bool:
    """Whether it takes a discriminator and returns one."""
    if isinstance(subject, type) and issubclass(subject, nn.Module):
        return True
    return _binds(signature, 1) and not _binds(signature, 2)


def _binds(signature: inspect.Signature, count: int) -> bool:
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


def _wrapped(subject: Callable[..., Any]) -> Normalize:
    def call(discriminator: Any, x: Tensor, *args: Any, **kwargs: Any) -> Any:
        module = subject(discriminator)
        if isinstance(module, nn.Module) and isinstance(discriminator, nn.Module):
            module.training = discriminator.training  # of the wrapper alone: D keeps its modes
        return module(x, *args, **kwargs)

    return call


def _has_a_place_for_labels(parameters: list[inspect.Parameter], leading: int) -> bool:
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return len(positional) > leading and not isinstance(positional[leading].default, PLAIN_DEFAULTS)


def _names(discriminator: Any) -> list[str]:
    """What the discriminator calls the arguments it takes after x."""
    forward = discriminator.forward if isinstance(discriminator, nn.Module) else discriminator
    try:
        parameters = list(inspect.signature(forward).parameters.values())[1:]
    except (TypeError, ValueError):
        return []
    return [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]


class _Named(nn.Module):
    """A discriminator whose further arguments have names."""

    def __init__(self, discriminator: Any) -> None:
        super().__init__()
        self.discriminator = discriminator
        self.training = getattr(discriminator, "training", True)

    def forward(self, x: Tensor, **kwargs: Any) -> Any:
        """D(x, argument_0, argument_1, ...)."""
        positions = [kwargs.pop(name) for name in sorted(kwargs) if name.startswith("argument_")]
        return self.discriminator(x, *positions, **kwargs)
