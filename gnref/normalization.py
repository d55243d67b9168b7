"""Gradient normalization, f̂ = f / (‖∇ₓf‖ + ζ): the definition, right over the whole exponent range."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from gnref import admissible, replay
from gnref.operations import NotExact
from gnref.quotient import Zeta, normalize

Method = Literal["auto", "double-backward", "replay"]


class Parts(NamedTuple):
    """f̂ with what it is made of, for logging: f and ‖∇ₓf‖ are detached, shape (N,)."""

    normalized: Tensor
    """f̂, in D's shape, differentiable."""
    score: Tensor
    """f."""
    gradient_norm: Tensor
    """‖∇ₓf‖ over all inputs of one sample; inf where it exceeds the dtype's range (f̂ is right all the same)."""
    method: str
    """What computes the gradient of f̂: "replay", "double-backward", or "value" where none was asked for."""


def gradient_normalize(
    discriminator: admissible.Discriminator,
    x: Tensor,
    *args: Any,
    zeta: Zeta = "abs",
    method: Method = "auto",
    reduce: Literal["mean"] | None = None,
    coupled: bool = False,
    **kwargs: Any,
) -> Any:
    """Normalize a discriminator's scores by their input gradients.

        f̂(x) = f(x) / (‖∇ₓf(x)‖₂ + ζ),   ζ = |f(x)| (GN), 1 (GN_1) or 0 (GN_0)

    f(x) is `discriminator(x, *args, **kwargs)`; the gradient is taken in x alone, so a conditional D_y(x) is normalized
    for each y [GN, Eq. 16]. |f̂| ≤ 1 for GN in every floating dtype, and ‖∇ₓf̂‖ = (1 - |f̂|)² inside each region of a
    piecewise-linear D. Nothing else changes: x, every `.grad`, the random state; buffers see one forward pass.

    At the edges: f̂ = 0 with zero gradient where f = ‖∇f‖ = 0 (and GN_0 wherever ‖∇f‖ = 0); f̂ = ±1 with zero gradient
    where only ‖∇f‖ = 0 (GN). Norms beyond the exponent range do not overflow into f̂.

    Args:
        discriminator: scores (N,) or (N, 1), or a tuple or list of such heads, each normalized by itself.
        x: (N, ...) of any rank and floating dtype; N may be 0. Half precision is normalized in float32.
        zeta: "abs" is GN [GN, Eq. 11]; "one" and "zero" are its ablations GN_1 and GN_0 [GN, Figure 2].
        method: "double-backward" differentiates ‖∇f‖ again; "replay" is the exact gradient of a piecewise-linear D in
            four passes instead of six, and refuses any other D; "auto" is replay where it is exact.
        reduce: "mean" normalizes the mean of a dense score map (N, ...) instead of refusing the map.
        coupled: True admits modules that couple a batch's samples; then ∇ is that of the batch's summed score, which
            mixes other samples' scores into ‖∇ₓf(x)‖, and the bounds above no longer follow.

    Returns:
        f̂ in the shape of D's scores ((N,) under reduce="mean"), of the wider dtype of D's scores and x.

    Raises:
        TypeError: x or the scores are not floating point.
        ValueError: the scores are not one a sample, do not depend on x, couple samples, or are not finite (CPU).

    >>> import torch, gnref
    >>> D = torch.nn.Linear(2, 1, bias=False)
    >>> _ = D.weight.data.copy_(torch.tensor([[3.0, 4.0]]))
    >>> gnref.gradient_normalize(D, torch.tensor([[3.0, 4.0]])).item()  # f = 25, ‖∇f‖ = 5
    0.8333333134651184
    """
    parts = normalization_parts(
        discriminator, x, *args, zeta=zeta, method=method, reduce=reduce, coupled=coupled, **kwargs
    )
    if isinstance(parts, Parts):
        return parts.normalized
    return type(parts)(head.normalized for head in parts)


def normalization_parts(
    discriminator: admissible.Discriminator,
    x: Tensor,
    *args: Any,
    zeta: Zeta = "abs",
    method: Method = "auto",
    reduce: Literal["mean"] | None = None,
    coupled: bool = False,
    **kwargs: Any,
) -> Any:
    """`gradient_normalize` with its parts: a `Parts`, or a tuple (list) of them where D has several heads.

    >>> import torch, gnref
    >>> parts = gnref.normalization_parts(torch.nn.Linear(2, 1), torch.ones(3, 2))
    >>> parts.normalized.shape, parts.gradient_norm.shape, parts.method
    (torch.Size([3, 1]), torch.Size([3]), 'replay')
    """
    if zeta not in ("abs", "one", "zero"):
        raise ValueError(f'gradient_normalize: expected zeta "abs" (GN), "one" (GN_1) or "zero" (GN_0), got {zeta!r}')
    if method not in ("auto", "double-backward", "replay"):
        raise ValueError(f'gradient_normalize: expected method "auto", "double-backward" or "replay", got {method!r}')
    if reduce not in (None, "mean"):
        raise ValueError(f'gradient_normalize: expected reduce None or "mean", got {reduce!r}')
    admissible.check_input(x)
    if not coupled:
        admissible.check_uncoupled(discriminator)
    differentiable = torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
    with torch.inference_mode(False), torch.enable_grad():
        # A view of x (or a detached copy) is D's input, so that the gradient is D's own, whatever else depends on x.
        if x.requires_grad and differentiable:
            inner = x.view_as(x)
        else:
            inner = (x.clone() if x.is_inference() else x.detach()).requires_grad_()

        def run(module: admissible.Discriminator) -> Any:
            return module(inner, *args, **kwargs)

        output = run(discriminator)
        heads = output if isinstance(output, (tuple, list)) else (output,)
        scores = [admissible.scores_per_sample(head, len(x), reduce) for head in heads]
        parts = [_head(discriminator, run, x, inner, score, zeta, method, coupled, differentiable) for score in scores]
        if reduce is None:
            parts = [p._replace(normalized=p.normalized.view(h.shape)) for p, h in zip(parts, heads, strict=True)]
    if not differentiable:
        parts = [p._replace(normalized=p.normalized.detach()) for p in parts]
    return type(output)(parts) if isinstance(output, (tuple, list)) else parts[0]


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
        coupled: bool = False,
    ) -> None:
        super().__init__()
        self.discriminator = discriminator
        self.zeta: Zeta = zeta
        self.method: Method = method
        self.reduce = reduce
        self.coupled = coupled

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Any:
        """f̂(x) in the shape of the discriminator's scores."""
        return gradient_normalize(
            self.discriminator,
            x,
            *args,
            zeta=self.zeta,
            method=self.method,
            reduce=self.reduce,
            coupled=self.coupled,
            **kwargs,
        )


def _head(
    discriminator: admissible.Discriminator,
    run: Callable[[admissible.Discriminator], Any],
    x: Tensor,
    inner: Tensor,
    score: Tensor,
    zeta: Zeta,
    method: Method,
    coupled: bool,
    differentiable: bool,
) -> Parts:
    """One head's parts from its scores f (N,), a function of `inner`, which stands for x."""
    used: str = "double-backward" if differentiable else "value"
    plan: replay.Plan | None = None
    if differentiable and method != "double-backward" and not coupled:
        try:
            plan = replay.plan(score, inner)
        except NotExact as reason:
            if method == "replay":
                raise ValueError(replay.explain(reason, discriminator, run)) from None
    elif method == "replay" and coupled:
        raise ValueError(
            'gradient_normalize: expected method "auto" or "double-backward" with coupled=True, got "replay"'
        )
    if plan is not None:
        used = "replay"
        score, gradient = plan.apply(x)
    else:
        gradient = _input_gradient(score, inner, create_graph=differentiable)
    admissible.check_finite(score, gradient)
    flat = gradient.flatten(1) if gradient.dim() > 1 else gradient[:, None]
    # Half precision squares and divides badly: float32 at least. The result is as wide as D's scores and x.
    working = torch.promote_types(torch.promote_types(score.dtype, gradient.dtype), torch.float32)
    normalized, norm = normalize(score.to(working), flat.to(working), zeta)
    result = torch.promote_types(score.dtype, x.dtype)
    return Parts(normalized.to(result), score.detach(), norm.to(result), used)


def _input_gradient(score: Tensor, inner: Tensor, create_graph: bool) -> Tensor:
    """∇ₓf of every sample: the gradient of Σᵢ f(xᵢ), whose i-th row is f(xᵢ)'s own where samples are not coupled."""
    gradient = None
    if score.requires_grad:
        # Several heads share one graph, so the buffers stay.
        (gradient,) = torch.autograd.grad(
            score.sum(), inner, create_graph=create_graph, retain_graph=True, allow_unused=True
        )
    if gradient is None:
        raise ValueError(
            "gradient_normalize: expected scores that depend on x, but the discriminator's do not; check detach()"
        )
    return gradient
