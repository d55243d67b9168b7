"""What a library declares about its gradient normalization, and how the laws are adapted to it."""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn

from gnref.errors import UserError
from gnref.laws import Law, Normalize

GeneratorForm = Callable[..., Tensor]
"""A loss-aware generator shortcut: `step(discriminator, x, loss, *args, **kwargs) -> loss(f̂)`, a scalar.

`loss` maps scores to a scalar; the scalar's gradient in x is asked for, its gradient in D's parameters is not.
"""


@dataclass(frozen=True)
class Capabilities:
    """What the subject says of itself. Each entry leaves laws out, with its reason shown, or changes what they ask."""

    eps: float = 0.0
    """ε in the denominator, as in f/(g + |f| + ε): the laws run where it vanishes, and one more asks its size."""
    no_conditional: bool = False
    """The discriminator is called with x alone."""
    one_sample: bool = False
    """A call takes one sample, x of shape (1, ...)."""
    generator_only: bool = False
    """Scores carry a gradient in x, not in the discriminator's parameters."""
    values_only: bool = False
    """Scores carry no gradient."""
    piecewise_linear_only: bool = False
    """Exact for piecewise-linear discriminators alone."""
    float32_only: bool = False
    """float64 is not supported."""

    def __post_init__(self) -> None:
        """Refuse an ε that is not a small positive number."""
        if not 0 <= self.eps <= 0.125:
            raise UserError(f"expected a declared eps between 0 and 0.125, got {self.eps}")

    @classmethod
    def declared(cls, names: tuple[str, ...], eps: float = 0.0) -> "Capabilities":
        """From names as on the command line, "no-conditional"; UserError for a name that is none."""
        known = [field.name.replace("_", "-") for field in fields(cls) if field.name != "eps"]
        for name in names:
            if name not in known:
                raise UserError(f"expected a capability of {', '.join(known)}, got {name!r}")
        return cls(eps=eps, **{name.replace("-", "_"): True for name in names})

    def reason_to_skip(self, law: Law, dtype: torch.dtype) -> str:
        """Why the law is left out; empty where it is judged."""
        if self.float32_only and dtype == torch.float64:
            return "declared: float32 only"
        for declared, what, laws in (
            (self.no_conditional, "no conditional input", _CONDITIONAL),
            (self.one_sample, "one call a sample", _BATCH),
            (self.generator_only, "no gradient in the parameters", _PARAMETERS),
            (self.values_only, "no gradients", _PARAMETERS | _INPUTS),
            (self.piecewise_linear_only, "piecewise-linear discriminators only", {"slope-formula"}),
            (self.eps > 0, f"eps = {self.eps:g}", _HOMOGENEOUS),
        ):
            if declared and law.id in laws:
                return f"declared: {what}"
        return ""


_CONDITIONAL = {"conditional-value", "conditional-parameter-gradient", "keyword-arguments"}
_BATCH = {"batch-is-stack", "one-forward-pass"}
_PARAMETERS = {
    "parameter-gradient",
    "conditional-parameter-gradient",
    "scale-invariance",
    "hinge-is-wasserstein",
    "one-forward-pass",  # asks for the scores' backward pass into the parameters
    "zero-over-zero",
    "dead-region",
    "saturated-hinge",
    "gradient-range",
}
_INPUTS = {"slope-identity", "generator-gradient", "slope-formula"}
_HOMOGENEOUS = {"zero-over-zero", "exponent-range", "gradient-range", "half-precision"}


def adapt(normalize: Normalize, capabilities: Capabilities) -> Normalize:
    """The subject as the laws call it: on a whole batch, and with ε too small to be seen."""
    if capabilities.one_sample:
        normalize = _sample_by_sample(normalize)
    return _without_eps(normalize, capabilities.eps) if capabilities.eps else normalize


def _sample_by_sample(normalize: Normalize) -> Normalize:
    def whole(discriminator: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        def at(i: int, value: Any) -> Any:
            return value[i : i + 1] if isinstance(value, Tensor) else value

        rows = [
            normalize(
                discriminator, x[i : i + 1], *(at(i, a) for a in args), **{k: at(i, v) for k, v in kwargs.items()}
            )
            for i in range(len(x))
        ]
        return torch.cat(rows)

    return whole


def _without_eps(normalize: Normalize, eps: float) -> Normalize:
    """GN is homogeneous of degree 0: of 2^k f, with ε/2^k far below the rounding of f, it is GN without ε."""

    def scaled(discriminator: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        exponent = math.ceil(math.log2(eps)) - round(math.log2(torch.finfo(x.dtype).eps)) + 20
        return normalize(Scaled(discriminator, 2.0**exponent), x, *args, **kwargs)

    return scaled


class Scaled(nn.Module):
    """s·f for a power of two s, which rounds nothing."""

    def __init__(self, discriminator: Any, factor: float) -> None:
        super().__init__()
        self.discriminator, self.factor = discriminator, factor

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """s·f(x), in the shape of D's scores."""
        scores: Tensor = self.factor * self.discriminator(x, *args, **kwargs)
        return scores


def from_generator_form(step: GeneratorForm) -> Normalize:
    """A loss-aware generator shortcut as a `normalize` whose scores have their gradient in x, for the laws to judge.

    The backward pass with ∂L/∂f̂ = l runs the shortcut again with the loss Σ l_i f̂_i: what a correct one returns is
    right for every loss, however it weighs its samples.
    """

    def normalize(discriminator: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        scores: Tensor = _ByLoss.apply(x, step, discriminator, args, kwargs)  # type: ignore[no-untyped-call]
        return scores

    return normalize


class _ByLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, step: GeneratorForm, discriminator: Any, args: Any, kwargs: Any) -> Tensor:
        seen: list[Tensor] = []

        def loss(scores: Tensor) -> Tensor:
            seen.append(scores.detach().clone())
            return scores.sum()

        with torch.enable_grad():
            step(discriminator, x.detach().requires_grad_(), loss, *args, **kwargs)
        if not seen:
            raise TypeError("the generator form never called its loss: expected step(discriminator, x, loss, *args)")
        ctx.again = step, discriminator, x.detach(), args, kwargs
        return seen[0]

    @staticmethod
    def backward(ctx: Any, weights: Tensor) -> tuple[Tensor, None, None, None, None]:
        step, discriminator, x, args, kwargs = ctx.again
        with torch.enable_grad():
            x = x.clone().requires_grad_()
            total = step(discriminator, x, lambda scores: (weights * scores).sum(), *args, **kwargs)
            (gradient,) = torch.autograd.grad(total, x)
        return gradient, None, None, None, None
