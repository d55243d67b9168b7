"""Which module of a discriminator made an operation of its graph."""

import copy
import types
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


def detached_copy(module: nn.Module) -> nn.Module:
    """A deep copy, also of a module that holds tensors with a history, as older weight and spectral norms do."""
    memo: dict[int, Any] = {}
    for part in module.modules():
        for value in vars(part).values():
            if isinstance(value, Tensor) and value.grad_fn is not None:
                memo[id(value)] = value.detach().clone()
    return copy.deepcopy(module, memo)


def module_of(operation: str, discriminator: Any, run: Callable[[Any], Any]) -> str | None:
    """The innermost module whose forward pass made the operation, as "name (Class)"; None where that is not known.

    `run(copy)` runs a copy of the discriminator, or the same method of it, on the input at hand, so that the
    discriminator's buffers and hooks see nothing; the random state is put back.
    """
    root = discriminator.__self__ if isinstance(discriminator, types.MethodType) else discriminator
    if not isinstance(root, nn.Module):
        return None
    try:
        twin = detached_copy(root)
    except Exception:  # a module may hold anything that cannot be copied; the refusal then names the operation alone
        return None
    names = {module: f"{name} ({type(module).__name__})" for name, module in twin.named_modules() if name}
    found: list[str] = []

    def look(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if isinstance(output, Tensor) and output.grad_fn is not None:
            start = {t.grad_fn for t in inputs if isinstance(t, Tensor) and t.grad_fn is not None}
            seen: set[Any] = set(start)
            stack: list[Any] = [output.grad_fn]
            while stack:
                node = stack.pop()
                if node is not None and node not in seen:
                    seen.add(node)
                    stack += [fn for fn, _ in node.next_functions]
                    if node.name() == operation:
                        found.append(names[module])

    for module in names:
        module.register_forward_hook(look)
    with torch.random.fork_rng():
        run(twin if root is discriminator else types.MethodType(discriminator.__func__, twin))
    return found[0] if found else None
