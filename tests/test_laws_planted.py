"""Faults planted in the gradients of the paper's discriminators, layer by layer: each must break its law."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from subjects.context_mistakes import of_gradient
from torch import Tensor, nn
from torch.nn.grad import conv2d_input, conv2d_weight

from gnref import gradient_normalize
from gnref.laws.network_case import NetworkCase, network_cases
from gnref.laws.networks import network_parameter_gradient, network_value

CASES = {case.name: case for case in network_cases()}


def parameters(name: str) -> list[str]:
    return [parameter for parameter, _ in CASES[name].module().named_parameters()]


def off(which: str) -> Any:
    """The reference, with the gradient of one parameter 0.1 % too large."""

    def normalize(D: nn.Module, x: Tensor, *args: Any) -> Tensor:
        parameter: Any = D.get_parameter(which)
        parameter.register_hook(lambda gradient: 1.001 * gradient)
        return gradient_normalize(D, x, *args)

    return normalize


@pytest.mark.parametrize(("name", "which"), [(name, which) for name in CASES for which in parameters(name)])
def test_a_thousandth_of_one_parameter(name: str, which: str) -> None:
    with pytest.raises(AssertionError, match=which):
        network_parameter_gradient(off(which), CASES[name])


class _NoTangent(torch.autograd.Function):
    """A convolution whose input gradient does not depend on its weight: the tangent term of ∂f̂/∂W is dropped."""

    @staticmethod
    def forward(ctx: Any, h: Tensor, weight: Tensor, bias: Tensor, stride: Any, padding: Any) -> Tensor:
        ctx.save_for_backward(h, weight)
        ctx.how = stride, padding
        return torch.nn.functional.conv2d(h, weight, bias, stride, padding)

    @staticmethod
    def backward(ctx: Any, delta: Tensor) -> tuple[Tensor | None, ...]:
        h, weight = ctx.saved_tensors
        of_h = conv2d_input(h.shape, weight.detach(), delta, *ctx.how)
        return of_h, conv2d_weight(h, weight.shape, delta, *ctx.how), delta.sum((0, 2, 3)), None, None


@contextlib.contextmanager
def without_tangent(D: nn.Module, which: str) -> Iterator[None]:
    layer: Any = D.get_submodule(which)

    def convolve(h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        found: Tensor = _NoTangent.apply(h, weight, bias, layer.stride, layer.padding)  # type: ignore[no-untyped-call]
        return found

    layer._conv_forward = convolve
    try:
        yield
    finally:
        del layer._conv_forward


def convolutions(name: str) -> list[str]:
    return [which for which, part in CASES[name].module().named_modules() if isinstance(part, nn.Conv2d)]


@pytest.mark.parametrize(("name", "which"), [(name, which) for name in CASES for which in convolutions(name)])
def test_one_convolution_without_its_tangent(name: str, which: str) -> None:
    def normalize(D: nn.Module, x: Tensor, *args: Any) -> Tensor:
        with without_tangent(D, which):
            return gradient_normalize(D, x, *args, method="double-backward")

    with pytest.raises(AssertionError, match=which):
        network_parameter_gradient(normalize, CASES[name])


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
@pytest.mark.parametrize("axes", [(1,), (2, 3), (3,)], ids=str)
def test_a_norm_over_some_axes_only(case: NetworkCase, axes: tuple[int, ...]) -> None:
    with pytest.raises(AssertionError, match="f̂"):
        network_value(of_gradient(lambda v: v.mean(dim=axes)), case)


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
@pytest.mark.parametrize("method", ["double-backward", "replay"])
def test_the_reference_keeps_them(case: NetworkCase, method: Any) -> None:
    def normalize(D: nn.Module, x: Tensor, *args: Any) -> Tensor:
        found: Tensor = gradient_normalize(D, x, *args, method=method)
        return found

    assert network_value(normalize, case) <= 1
    assert network_parameter_gradient(normalize, case) <= 1


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_what_is_allowed_is_a_hundred_thousandth_at_most(case: NetworkCase) -> None:
    """‖bound‖/‖expected‖ of every comparison, and no parameter's gradient is 0."""
    from gnref.laws.case import noting_allowed
    from gnref.laws.networks import network_input_gradient

    with noting_allowed() as noted:
        for law in (network_value, network_input_gradient, network_parameter_gradient):
            law(gradient_normalize, case)
    assert len(noted) == 3 + len(list(case.module().parameters()))
    assert max(noted) < 1e-5, max(noted)
