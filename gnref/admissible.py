"""What can be normalized: floating inputs, one score a sample, and no module that couples the samples of a batch."""

import math
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from gnref import remedies

Discriminator = Any  # a callable (x, *args, **kwargs) -> scores; an nn.Module in practice


def check_input(x: Tensor) -> None:
    """Refuse an x that has no gradient: not a tensor, no batch dimension, or not floating point.

    Raises:
        TypeError: x is not a floating-point tensor.
        ValueError: x is sparse, has no batch dimension, or its samples have no entries.
    """
    if not isinstance(x, Tensor):
        raise TypeError(f"gradient_normalize: expected a tensor x, got {type(x).__name__}; pass torch.as_tensor(x)")
    if x.layout != torch.strided:
        raise ValueError(f"gradient_normalize: expected a dense x, got {x.layout}; call x.to_dense() first")
    if not x.is_floating_point():
        raise TypeError(
            f"gradient_normalize: expected a floating-point x, got {x.dtype}; scale pixels and use x.float()"
        )
    if x.dim() == 0:
        raise ValueError("gradient_normalize: expected x of shape (N, ...), got a scalar; add a batch dimension")
    if 0 in x.shape[1:]:
        raise ValueError(f"gradient_normalize: expected samples with entries, got x of shape {tuple(x.shape)}")


def check_transforms() -> None:
    """Refuse to be traced or transformed by what cannot take a gradient inside of a forward pass.

    Raises:
        ValueError: says what to do in its place.
    """
    if torch._C._functorch.peek_interpreter_stack() is not None:
        raise ValueError(f"gradient_normalize: expected no torch.func transform around it; {remedies.TRANSFORM}")
    if forward_ad._current_level >= 0:
        # The value is computed from a gradient, and would come back without its tangent: as if nothing depended on x.
        raise ValueError(
            f"gradient_normalize: expected no forward-mode differentiation around it; {remedies.FORWARD_MODE}"
        )
    if torch._C._get_tracing_state() is not None or getattr(torch.compiler, "is_exporting", bool)():
        raise ValueError(f"gradient_normalize: expected not to be exported or traced; {remedies.EXPORT}")


def check_modules(discriminator: Discriminator) -> None:
    """Refuse a discriminator, or a method of one, with batch normalization that uses the batch's own statistics.

    Raises:
        ValueError: names every such module.
    """
    root = getattr(discriminator, "__self__", discriminator)
    if not isinstance(root, nn.Module) or not any(map(_normalizes_batches, map(type, parts_of(root)))):
        return
    found = [f"{name} ({kind})" for name, kind in coupling_modules(root) if "training mode" in kind]
    if found:
        raise ValueError(
            f"gradient_normalize: expected scores that depend on their own sample, but {', '.join(found)} couples "
            f"the samples of a batch; {remedies.remedy(nn.BatchNorm1d(1), True, False)}, or {remedies.ADMIT}"
        )


def coupling_modules(discriminator: Discriminator) -> Iterator[tuple[str, str]]:
    """The modules, by name and kind, that look as if they couple the samples of a batch.

    Batch normalization that uses the batch's own statistics, and what is called a minibatch standard deviation or
    discrimination. Whether a discriminator couples samples is found out by its graph; this is where to look first.
    """
    if isinstance(discriminator, nn.Module):
        for name, module in discriminator.named_modules():
            kind = type(module).__name__
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                if module.training or module.running_mean is None:
                    yield name or "the discriminator itself", f"{kind} in training mode"
            elif re.search(r"mini_?batch|mb_?std", kind, re.IGNORECASE):
                yield name or "the discriminator itself", kind


def parts_of(root: nn.Module) -> list[nn.Module]:
    """The module and all modules inside it. Every call asks, and `modules()` takes three times as long."""
    parts: list[nn.Module] = [root]
    for part in parts:  # it grows while it is read
        parts += [child for child in part._modules.values() if child is not None]
    return parts


@lru_cache(maxsize=1024)
def _normalizes_batches(kind: Any) -> bool:
    return issubclass(kind, nn.modules.batchnorm._BatchNorm)


def check_scores(output: Any, samples: int, reduce: str | None) -> None:
    """Refuse an output that is not one score a sample, (N,) or (N, 1, ...), or a map (N, ...) to reduce to its mean.

    Raises:
        TypeError: the output is not a floating-point tensor.
        ValueError: it has another shape.
    """
    if not isinstance(output, Tensor) or not output.is_floating_point():
        kind = output.dtype if isinstance(output, Tensor) else type(output).__name__
        raise TypeError(
            f"gradient_normalize: expected floating-point scores from the discriminator, got {kind}; "
            f"{remedies.ONE_OF_SEVERAL}"
        )
    shape = tuple(output.shape)
    if reduce == "mean":
        if shape[:1] != (samples,):
            raise ValueError(f"gradient_normalize: expected a map of shape ({samples}, ...) to reduce, got {shape}")
    elif output.numel() != samples or (shape and shape[0] != samples):
        raise ValueError(
            f"gradient_normalize: expected one score per sample, shape ({samples},) or ({samples}, 1), got {shape}; "
            f"{remedies.DENSE_MAP}, and {remedies.ONE_OF_SEVERAL}"
        )


def scores_per_sample(output: Any, samples: int, reduce: str | None) -> Tensor:
    """The scores f of shape (N,), from one score a sample or as the mean of a map; raises as `check_scores` does."""
    check_scores(output, samples, reduce)
    scores: Tensor = output.flatten(1).mean(1) if reduce == "mean" and output.dim() > 1 else output.reshape(samples)
    return scores


def check_finite(normalized: Tensor, scores: Tensor) -> None:
    """Refuse scores or input gradients that are not finite, where looking is free.

    f̂ (N,) is not finite where f or ∇f is not. On an accelerator a look would stall its stream, and under a tracer there
    is nothing to look at: there what is not finite passes into f̂.

    Raises:
        ValueError: says which of the two is not finite.
    """
    tracing = torch.compiler.is_compiling() or torch.utils._python_dispatch._get_current_dispatch_mode() is not None
    # The sum is one quick number to look at; finite scores whose sum overflows are told apart by the second look.
    if scores.device.type != "cpu" or tracing or math.isfinite(normalized.detach().sum().item()):
        return
    if not normalized.isfinite().all():
        name = "input gradients" if scores.isfinite().all() else "scores"
        raise ValueError(f"gradient_normalize: the discriminator's {name} are not finite; {remedies.NOT_FINITE}")
