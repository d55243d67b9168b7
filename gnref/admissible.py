"""What can be normalized: floating inputs, one score a sample, and no module that couples the samples of a batch."""

import re
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

Discriminator = Any  # a callable (x, *args, **kwargs) -> scores; an nn.Module in practice


def check_input(x: Tensor) -> None:
    """Refuse an x that has no gradient: not a tensor, no batch dimension, or not floating point.

    Raises:
        TypeError: x is not a floating-point tensor.
        ValueError: x has no batch dimension, or its samples have no entries.
    """
    if not isinstance(x, Tensor):
        raise TypeError(f"gradient_normalize: expected a tensor x, got {type(x).__name__}; pass torch.as_tensor(x)")
    if not x.is_floating_point():
        raise TypeError(
            f"gradient_normalize: expected a floating-point x, got {x.dtype}; scale pixels and use x.float()"
        )
    if x.dim() == 0:
        raise ValueError("gradient_normalize: expected x of shape (N, ...), got a scalar; add a batch dimension")
    if 0 in x.shape[1:]:
        raise ValueError(f"gradient_normalize: expected samples with entries, got x of shape {tuple(x.shape)}")


def coupling_modules(discriminator: Discriminator) -> Iterator[tuple[str, str]]:
    """The modules, by name and kind, through which a sample's score depends on its batch mates.

    Found by structure: batch normalization that uses the batch's own statistics, and minibatch standard deviation or
    discrimination by the class's name. A home-made coupling is found by the numeric probe of a diagnosis instead.
    """
    if not isinstance(discriminator, nn.Module):
        return
    for name, module in discriminator.named_modules():
        kind = type(module).__name__
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            if module.training or module.running_mean is None:
                yield name, f"{kind} in training mode"
        elif re.search(r"mini_?batch|mb_?std", kind, re.IGNORECASE):
            yield name, kind


def check_uncoupled(discriminator: Discriminator) -> None:
    """Refuse a discriminator whose scores are known to depend on batch mates.

    Raises:
        ValueError: names every such module.
    """
    found = [f"{name or 'the discriminator itself'} ({kind})" for name, kind in coupling_modules(discriminator)]
    if found:
        raise ValueError(
            f"gradient_normalize: expected scores that depend on their own sample, but {', '.join(found)} couples "
            "the samples of a batch; use evaluation mode, remove the module, or pass coupled=True"
        )


def scores_per_sample(output: Tensor, samples: int, reduce: str | None) -> Tensor:
    """The scores f of shape (N,): D's output (N,) or (N, 1), or the mean of a dense map where reduce is "mean".

    Raises:
        TypeError: the output is not a floating-point tensor.
        ValueError: the output is not one score a sample, or does not depend on x.
    """
    if not isinstance(output, Tensor) or not output.is_floating_point():
        kind = output.dtype if isinstance(output, Tensor) else type(output).__name__
        raise TypeError(f"gradient_normalize: expected floating-point scores from the discriminator, got {kind}")
    shape = tuple(output.shape)
    if reduce == "mean":
        if output.dim() == 0 or shape[0] != samples:
            raise ValueError(f"gradient_normalize: expected a map of shape ({samples}, ...) to reduce, got {shape}")
        return output.flatten(1).mean(1) if output.dim() > 1 else output
    if shape not in ((samples,), (samples, 1)):
        raise ValueError(
            f"gradient_normalize: expected one score per sample, shape ({samples},) or ({samples}, 1), got {shape}; "
            'a dense map has no single gradient norm: pass reduce="mean" to normalize its mean'
        )
    return output.reshape(samples)


def check_finite(scores: Tensor, gradients: Tensor) -> None:
    """Refuse scores or gradients that are not finite, where looking is free.

    On an accelerator a look would stall its stream, and under a tracer there is nothing to look at: there NaN
    propagates into f̂, which is never finite where f or ∇f is not.

    Raises:
        ValueError: says which of the two is not finite.
    """
    tracing = torch.compiler.is_compiling() or torch.utils._python_dispatch._get_current_dispatch_mode() is not None
    if scores.device.type != "cpu" or tracing:
        return
    for name, values in (("scores", scores), ("input gradients", gradients)):
        if not values.isfinite().all():
            raise ValueError(
                f"gradient_normalize: the discriminator's {name} are not finite; "
                "look for NaN or inf in its weights and in x"
            )
