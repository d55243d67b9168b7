"""Two ways to run a step without Python between its operations: one compiled graph, and a CUDA graph."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

Body = Callable[[], Any]


def compiled_gradient(loss: nn.Module, inputs: tuple[Tensor, ...]) -> Body:
    """A body that sets `.grad` of the loss's parameters, gradients and all recorded as one graph, then compiled.

    torch.compile alone stops at a gradient inside a forward pass; the recording by make_fx has none left in it.
    """
    from torch.fx.experimental.proxy_tensor import make_fx

    parameters = {name: p for name, p in loss.named_parameters() if p.requires_grad}

    def gradient(values: dict[str, Tensor], *inputs: Tensor) -> tuple[Tensor, ...]:
        value = torch.func.functional_call(loss, values, inputs)
        return torch.autograd.grad(value, list(values.values()))

    recorded = make_fx(gradient)(parameters, *inputs)
    compiled: Any = torch.compile(recorded)

    def body() -> None:
        with torch.no_grad():
            gradients = compiled(parameters, *inputs)
        for parameter, value in zip(parameters.values(), gradients, strict=True):
            parameter.grad = value

    return body


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
