"""The laws adapted to what a library declares about its gradient normalization."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from gnref.conformance.calling import as_function
from gnref.conformance.options import CAPABILITIES, Capability, Options
from gnref.laws import Law, Normalize
from gnref.laws.law import Need


def reason_to_skip(options: Options, law: Law, dtype: torch.dtype) -> str:
    """Why the law is left out; empty where it is judged."""
    if "float32-only" in options.capability and dtype == torch.float64:
        return f"declared: {CAPABILITIES['float32-only']}"
    for name in options.capability:
        if law.needs & _LACKS.get(name, set()):
            return f"declared: {CAPABILITIES[name]}"
    return f"declared: eps = {options.eps:g}" if options.eps and "no epsilon" in law.needs else ""


_LACKS: dict[Capability, set[Need]] = {
    "no-conditional": {"arguments"},
    "one-sample": {"batch"},
    "generator-only": {"parameter gradient"},
    "values-only": {"parameter gradient", "input gradient"},
    "piecewise-linear-only": {"smooth discriminator"},
}


def adapt(normalize: Callable[..., Any], options: Options) -> Normalize:
    """The subject as the laws call it: `normalize(D, x, *args, **kwargs)`, of any x, with ε out of sight."""
    adapted = as_function(normalize)
    for name, change in _CHANGES.items():
        if name in options.capability:
            adapted = change(adapted)
    return _without_eps(adapted, options.eps) if options.eps else adapted


def _on_images(normalize: Normalize) -> Normalize:
    """x (N, ...) of another rank than 4 reaches the subject as (N, n, 1, 1)."""

    def call(discriminator: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if x.dim() == 4:
            return normalize(discriminator, x, *args, **kwargs)
        shape = x.shape[1:]
        return normalize(
            _Changed(discriminator, before=lambda images: images.reshape(len(images), *shape)),
            x.reshape(len(x), -1, 1, 1),
            *args,
            **kwargs,
        )

    return call


def _with_column_scores(normalize: Normalize) -> Normalize:
    """Scores of any shape reach the subject as (N, 1), and come back in their own."""

    def call(discriminator: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        shapes: list[torch.Size] = []

        def column(scores: Tensor) -> Tensor:
            shapes.append(scores.shape)
            return scores.reshape(len(scores), 1) if scores.numel() == len(scores) else scores

        got = normalize(_Changed(discriminator, after=column), x, *args, **kwargs)
        if isinstance(got, Tensor) and shapes and got.shape == (len(got), 1) and shapes[0][0] == len(got):
            return got.reshape(shapes[0])
        return got

    return call


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


def _without_a_gpu(normalize: Normalize) -> Normalize:
    def call(*args: Any, **kwargs: Any) -> Any:
        with _cuda_stays():
            return normalize(*args, **kwargs)

    return call


@contextmanager
def _cuda_stays() -> Iterator[None]:
    """`.cuda()` of a tensor or module returns it as it is, where there is no GPU."""
    if torch.cuda.is_available():
        yield
        return
    before = Tensor.cuda, nn.Module.cuda

    def stay(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self

    try:
        Tensor.cuda, nn.Module.cuda = stay, stay  # type: ignore[method-assign]
        yield
    finally:
        Tensor.cuda, nn.Module.cuda = before  # type: ignore[method-assign]


_CHANGES: dict[Capability, Callable[[Normalize], Normalize]] = {
    "cuda-inside": _without_a_gpu,
    "column-scores": _with_column_scores,
    "images-only": _on_images,
    "one-sample": _sample_by_sample,
}
"""How the subject is called where it declares a limit, from the innermost change to the outermost."""


def _without_eps(normalize: Normalize, eps: float) -> Normalize:
    """GN is homogeneous of degree 0: of 2^k f, with ε/2^k far below the rounding of f, it is GN without ε."""

    def scaled(discriminator: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        exponent = math.ceil(math.log2(eps)) - round(math.log2(torch.finfo(x.dtype).eps)) + 20
        return normalize(scale(discriminator, 2.0**exponent), x, *args, **kwargs)

    return scaled


def scale(discriminator: Any, factor: float) -> nn.Module:
    """s·f for a power of two s, which rounds nothing."""
    return _Changed(discriminator, after=lambda scores: factor * scores)


class _Changed(nn.Module):
    """D with x changed before it, or its scores after it; in D's own mode, and with D as its part."""

    def __init__(
        self,
        discriminator: Any,
        before: Callable[[Tensor], Tensor] = lambda x: x,
        after: Callable[[Tensor], Tensor] = lambda scores: scores,
    ) -> None:
        super().__init__()
        self.discriminator, self.before, self.after = discriminator, before, after
        self.training = getattr(discriminator, "training", True)

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """The changed scores."""
        return self.after(self.discriminator(self.before(x), *args, **kwargs))
