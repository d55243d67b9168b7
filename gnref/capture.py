"""A gradient without Python between its operations: compiled as one function, or replayed as one CUDA graph."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gnref.errors import UserError

Body = Callable[[], Any]
Losses = dict[str, Tensor]
LossFunction = Callable[..., Losses]
"""From inputs to scalars by name; the one called "loss" is differentiated."""


def captured(
    losses: LossFunction,
    modules: Sequence[nn.Module],
    parameters: Sequence[nn.Parameter],
    inputs: Sequence[Tensor | None],
    how: Literal["compiled", "cuda-graph"],
) -> LossFunction:
    """A function that sets `parameters`' `.grad` to ∂ loss/∂ parameter and returns what `losses` does.

    `modules` are all that `losses` computes with; their buffers change when the function is called, as they do in eager
    mode, and not by capturing. It takes inputs of the shapes and layouts of `inputs`, None where that has None. Modes
    of modules and what requires a gradient stay as they were at capture; whatever `losses` draws at random must not
    matter to its value. A graph overwrites what it set and returned at its next call. UserError where there is nothing
    to compile with.
    """
    with _buffers_kept(modules):
        if how == "compiled":
            return _compiled(losses, modules, parameters, inputs)
        return _graphed(losses, parameters, inputs)


def as_cuda_graph(body: Body) -> Body:
    """The body's kernels as one graph: its tensors stay where they were at capture, and the host launches once."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):  # autotuning and optimizer state come before the capture
            body()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        body()
    return graph.replay


class _Together(nn.Module):
    """The losses as a module that owns all they are computed with, so that its weights can be given from outside."""

    def __init__(self, losses: LossFunction, modules: Sequence[nn.Module]) -> None:
        super().__init__()
        self.losses, self.modules_ = losses, nn.ModuleList(modules)

    def forward(self, *inputs: Tensor | None) -> Losses:
        return self.losses(*inputs)


def _compiled(
    losses: LossFunction,
    modules: Sequence[nn.Module],
    parameters: Sequence[nn.Parameter],
    inputs: Sequence[Tensor | None],
) -> LossFunction:
    # torch.compile alone stops at a gradient inside a forward pass; the recording by make_fx has none left in it.
    from torch._dynamo.exc import TorchDynamoException
    from torch.fx.experimental.proxy_tensor import make_fx

    together = _Together(losses, modules)
    weights = dict(together.named_parameters())
    names = {id(parameter): name for name, parameter in weights.items()}
    trained = [names[id(parameter)] for parameter in parameters]
    state: dict[str, Tensor] = {**weights, **dict(together.named_buffers())}

    def gradient(state: dict[str, Tensor], *inputs: Tensor | None) -> tuple[Losses, tuple[Tensor, ...]]:
        found = torch.func.functional_call(together, state, inputs)
        gradients = torch.autograd.grad(found["loss"], [state[name] for name in trained])
        return {name: value.detach() for name, value in found.items()}, gradients

    compiled: Any = torch.compile(make_fx(gradient)(state, *inputs))

    def call(*inputs: Tensor | None) -> Losses:
        found: Losses
        with torch.no_grad():
            found, gradients = compiled(state, *inputs)
            for parameter, value in zip(parameters, gradients, strict=True):
                # Fused optimizers take the entries of a gradient in the order in which its parameter has them.
                parameter.grad = torch.empty_like(parameter).copy_(value)
        return found

    try:
        call(*inputs)
    except TorchDynamoException as error:
        why = " ".join(str(error).split("\n\n")[0].split())
        raise UserError(
            f"the step could not be compiled: {why}; torch.compile needs a C++ compiler "
            "on a CPU and Triton on a GPU. Install it, or leave the step eager"
        ) from None
    return call


def _graphed(losses: LossFunction, parameters: Sequence[nn.Parameter], inputs: Sequence[Tensor | None]) -> LossFunction:
    static = [x if x is None else x.clone() for x in inputs]
    found: Losses = {}

    def body() -> None:
        for parameter in parameters:
            parameter.grad = None
        scalars = losses(*static)
        scalars["loss"].backward()  # type: ignore[no-untyped-call]
        found.update({name: value.detach() for name, value in scalars.items()})

    replay = as_cuda_graph(body)

    def call(*inputs: Tensor | None) -> Losses:
        for place, x in zip(static, inputs, strict=True):
            if place is not None and x is not None:
                place.copy_(x)
        replay()
        return found

    return call


@contextmanager
def _buffers_kept(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Put buffers back as they were: capturing runs the losses, but is no step."""
    kept = [(buffer, buffer.clone()) for module in modules for buffer in module.buffers()]
    try:
        yield
    finally:
        for buffer, value in kept:
            buffer.copy_(value)
