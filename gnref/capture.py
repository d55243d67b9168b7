"""A gradient without Python between its operations: compiled as one function, or replayed as one CUDA graph."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gnref.errors import UserError

Capture = Literal["eager", "compiled", "cuda-graph"]
Body = Callable[[], Any]
Losses = dict[str, Tensor]
Objective = Callable[..., Losses]
"""From inputs to scalars by name; the one called "loss" is differentiated. It draws nothing at random."""


def captured(
    objective: Objective,
    modules: Sequence[nn.Module],
    parameters: Sequence[nn.Parameter],
    inputs: Sequence[Tensor | None],
    how: Literal["compiled", "cuda-graph"],
) -> Objective:
    """A function that sets `parameters`' `.grad` to ∂ loss/∂ parameter and returns the objective's scalars.

    `modules` are all that the objective computes with; their buffers change when the function is called, as they do in
    eager mode, and not by capturing. It takes inputs of the shapes and layouts of `inputs`, None where that has None.
    What it returns and sets is overwritten by its next call. UserError where there is nothing to compile with.
    """
    with _buffers_kept(modules):
        if how == "compiled":
            return _compiled(objective, modules, parameters, inputs)
        return _graphed(objective, parameters, inputs)


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
    """The objective as a module that owns all it computes with, so that its weights can be given from outside."""

    def __init__(self, objective: Objective, modules: Sequence[nn.Module]) -> None:
        super().__init__()
        self.objective, self.modules_ = objective, nn.ModuleList(modules)

    def forward(self, *inputs: Tensor | None) -> Losses:
        return self.objective(*inputs)


def _compiled(
    objective: Objective,
    modules: Sequence[nn.Module],
    parameters: Sequence[nn.Parameter],
    inputs: Sequence[Tensor | None],
) -> Objective:
    # torch.compile alone stops at a gradient inside a forward pass; the recording by make_fx has none left in it.
    from torch._dynamo.exc import TorchDynamoException
    from torch.fx.experimental.proxy_tensor import make_fx

    together = _Together(objective, modules)
    weights = dict(together.named_parameters())
    names = {id(parameter): name for name, parameter in weights.items()}
    trained = [names[id(parameter)] for parameter in parameters]
    state: dict[str, Tensor] = {**weights, **dict(together.named_buffers())}

    def gradient(state: dict[str, Tensor], *inputs: Tensor | None) -> tuple[Losses, tuple[Tensor, ...]]:
        losses = torch.func.functional_call(together, state, inputs)
        gradients = torch.autograd.grad(losses["loss"], [state[name] for name in trained])
        return {name: value.detach() for name, value in losses.items()}, gradients

    compiled: Any = torch.compile(make_fx(gradient)(state, *inputs))

    def call(*inputs: Tensor | None) -> Losses:
        with torch.no_grad():
            losses, gradients = compiled(state, *inputs)
        for parameter, value in zip(parameters, gradients, strict=True):
            parameter.grad = value
        found: Losses = losses
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


def _graphed(objective: Objective, parameters: Sequence[nn.Parameter], inputs: Sequence[Tensor | None]) -> Objective:
    static = [x if x is None else x.clone() for x in inputs]
    losses: Losses = {}

    def body() -> None:
        for parameter in parameters:
            parameter.grad = None
        found = objective(*static)
        found["loss"].backward()  # type: ignore[no-untyped-call]
        losses.update({name: value.detach() for name, value in found.items()})

    replay = as_cuda_graph(body)

    def call(*inputs: Tensor | None) -> Losses:
        for place, x in zip(static, inputs, strict=True):
            if place is not None and x is not None:
                place.copy_(x)
        replay()
        return losses

    return call


@contextmanager
def _buffers_kept(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Put buffers back as they were: capturing runs the objective, but is no step."""
    kept = [(buffer, buffer.clone()) for module in modules for buffer in module.buffers()]
    yield
    for buffer, value in kept:
        buffer.copy_(value)
