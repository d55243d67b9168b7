"""Gradient normalization, f̂ = f / (‖∇ₓf‖ + |f|): the equation as it stands, and what is right everywhere and fast."""

from collections.abc import Callable
from typing import Any, Literal, TypeVar, overload

import torch
from torch import Tensor, nn

from gnref.call import Call, Method, Options, Parts, evaluated
from gnref.outputs import Selection
from gnref.quotient import Zeta

Output = TypeVar("Output")


def literal(discriminator: Callable[..., Tensor], x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """f̂(x) = f(x) / (‖∇ₓf(x)‖ + |f(x)|) as the equation stands [GN, Eq. 11]: what tests and timings compare with.

    `gradient_normalize` does the same where this one divides 0 by 0 or loses digits, refuses
    a discriminator that couples samples, and takes four passes over a piecewise-linear one instead of six.

    Args:
        discriminator: scores (N, ...), called as `discriminator(x, *args, **kwargs)`.
        x: (N, ...).

    Returns:
        f̂ in the shape of the scores.

    >>> D = torch.nn.Linear(2, 1, bias=False)
    >>> _ = D.weight.data.copy_(torch.tensor([[3.0, 4.0]]))
    >>> literal(D, torch.tensor([[3.0, 4.0]])).item()  # f = 25, ‖∇f‖ = 5
    0.8333333134651184
    """
    x = x.view_as(x) if x.requires_grad else x.detach().requires_grad_()
    f = discriminator(x, *args, **kwargs)
    (v,) = torch.autograd.grad(f.sum(), x, create_graph=True)
    g = v.flatten(1).norm(dim=1).view(-1, *[1] * (f.dim() - 1))
    f_hat: Tensor = f / (g + f.abs())
    return f_hat


def gradient_normalize(
    discriminator: Callable[..., Output],
    x: Tensor,
    *args: Any,
    zeta: Zeta = "abs",
    method: Method = "auto",
    reduce: Literal["mean"] | None = None,
    output: Selection | None = None,
    coupled: bool = False,
    **kwargs: Any,
) -> Output:
    """Normalize a discriminator's scores by their input gradients.

        f̂(x) = f(x) / (‖∇ₓf(x)‖₂ + ζ),   ζ = |f(x)| (GN), 1 (GN_1) or 0 (GN_0)

    f(x) is `discriminator(x, *args, **kwargs)`; the gradient is taken in x alone, so a conditional D_y(x) is normalized
    for each y [GN, Eq. 16]. |f̂| ≤ 1 for GN in every floating dtype, and ‖∇ₓf̂‖ = (1 - |f̂|)² inside each region of a
    piecewise-linear D. Nothing else changes: x, every `.grad`, the random state; buffers see one forward pass.

    At the edges: f̂ = 0 with zero gradient where f = ‖∇f‖ = 0 (and GN_0 wherever ‖∇f‖ = 0); f̂ = ±1 with zero gradient
    where only ‖∇f‖ = 0 (GN). Norms beyond the exponent range do not overflow into f̂.

    Args:
        discriminator: returns scores (N,) or (N, 1, ...), or tuples, lists and dictionaries of such scores, each of
            which is normalized by itself.
        x: (N, ...) of any rank and floating dtype; N may be 0.
        zeta: "abs" is GN [GN, Eq. 11]; "one" and "zero" are its ablations GN_1 and GN_0 [GN, Figure 2]; "gran", ε/‖∇f‖,
            is GraN's f ‖∇f‖ / (‖∇f‖² + ε) with ε = 0.1.
        method: "double-backward" differentiates ‖∇f‖ again; "replay" is the exact gradient of a piecewise-linear D in
            four passes instead of six, and refuses any other D; "auto" is replay where it is exact and pays.
        reduce: "mean" normalizes the mean of a dense score map (N, ...) instead of refusing the map.
        output: where the scores stand in what D returns, as an index, a key or a tuple of them; the rest of the output
            is passed on. Without it everything that D returns is scores.
        coupled: True admits modules that couple a batch's samples; then ∇ is that of the batch's summed score, which
            mixes other samples' scores into ‖∇ₓf(x)‖, and the bounds above no longer follow.

    Returns:
        What D returns, with f̂ in the place of its scores, in their shape ((N,) under reduce="mean") and in the wider
        dtype of scores and x.

    Raises:
        TypeError: x or the scores are not floating point.
        ValueError: the scores are not one a sample, do not depend on x, couple samples, or are not finite (CPU).

    >>> import torch, gnref
    >>> D = torch.nn.Linear(2, 1, bias=False)
    >>> _ = D.weight.data.copy_(torch.tensor([[3.0, 4.0]]))
    >>> gnref.gradient_normalize(D, torch.tensor([[3.0, 4.0]])).item()  # f = 25, ‖∇f‖ = 5
    0.8333333134651184
    """
    options = Options(zeta, method, reduce, output, coupled)
    found: Output = evaluated(Call(discriminator, x, args, kwargs, options), parts=False)
    return found


@overload
def normalization_parts(discriminator: Callable[..., Tensor], x: Tensor, *args: Any, **kwargs: Any) -> Parts: ...
@overload
def normalization_parts(
    discriminator: Callable[..., tuple[Tensor, ...]], x: Tensor, *args: Any, **kwargs: Any
) -> tuple[Parts, ...]: ...
@overload
def normalization_parts(
    discriminator: Callable[..., list[Tensor]], x: Tensor, *args: Any, **kwargs: Any
) -> list[Parts]: ...
@overload
def normalization_parts(
    discriminator: Callable[..., dict[str, Tensor]], x: Tensor, *args: Any, **kwargs: Any
) -> dict[str, Parts]: ...
def normalization_parts(
    discriminator: Callable[..., Any],
    x: Tensor,
    *args: Any,
    zeta: Zeta = "abs",
    method: Method = "auto",
    reduce: Literal["mean"] | None = None,
    output: Selection | None = None,
    coupled: bool = False,
    **kwargs: Any,
) -> Any:
    """`gradient_normalize` with its parts: what D returns, with a `Parts` in the place of every score tensor.

    >>> import torch, gnref
    >>> parts = gnref.normalization_parts(torch.nn.Linear(2, 1), torch.ones(3, 2))
    >>> parts.normalized.shape, parts.gradient_norm.shape, parts.method
    (torch.Size([3, 1]), torch.Size([3]), 'double-backward')
    """
    options = Options(zeta, method, reduce, output, coupled)
    return evaluated(Call(discriminator, x, args, kwargs, options), parts=True)


class GradientNormalized(nn.Module):
    """A discriminator that returns f̂ = f / (‖∇ₓf‖ + ζ) in place of f; arguments as in `gradient_normalize`.

    >>> import torch, gnref
    >>> D = gnref.GradientNormalized(torch.nn.Linear(2, 1))
    >>> D(torch.ones(3, 2)).abs().le(1).all().item()
    True
    """

    def __init__(
        self,
        discriminator: nn.Module,
        zeta: Zeta = "abs",
        method: Method = "auto",
        reduce: Literal["mean"] | None = None,
        output: Selection | None = None,
        coupled: bool = False,
    ) -> None:
        super().__init__()
        if not isinstance(discriminator, nn.Module):
            raise TypeError(
                f"GradientNormalized: expected a torch.nn.Module, got {type(discriminator).__name__}; "
                "gradient_normalize takes any callable"
            )
        self.discriminator = discriminator
        self.zeta: Zeta = zeta
        self.method: Method = method
        self.reduce = reduce
        self.output = output
        self.coupled = coupled

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """A plain discriminator's state is taken too: its keys lack the name it has in here."""
        mine = f"{prefix}discriminator."
        if not any(key.startswith(mine) for key in state_dict):
            for key in [key for key in state_dict if key.startswith(prefix)]:
                state_dict[mine + key.removeprefix(prefix)] = state_dict.pop(key)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Any:
        """What the discriminator returns, with f̂(x) in the place of its scores."""
        options = Options(self.zeta, self.method, self.reduce, self.output, self.coupled)
        return evaluated(Call(self.discriminator, x, args, kwargs, options), parts=False)
