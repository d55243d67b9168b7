"""The replayed gradient of Σ αᵢfᵢ + ⟨∇ₓfᵢ, wᵢ⟩ against double backward's, equal in every bit.

Every number here is a small multiple of a power of two, so float64 computes each product and sum exactly, in any order:
two right ways to one gradient agree in all bits, and no tolerance is needed. Integer points often lie on kinks; both
ways read the same masks there.
"""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import gnref
from gnref import replay
from gnref.activations import activations
from gnref.exact import off_kinks
from gnref.exact_modules import Abs

Shape = tuple[int, ...]


def dyadic(module: nn.Module, seed: int = 0) -> nn.Module:
    """The module in float64 with parameters drawn from ±{½, 1, 2}."""
    draws = torch.Generator().manual_seed(seed)
    module.double()
    with torch.no_grad():
        for parameter in module.parameters():
            powers = torch.randint(-1, 2, parameter.shape, generator=draws).double().exp2()
            parameter.copy_(powers * (2 * torch.randint(2, parameter.shape, generator=draws) - 1))
    return module


def integers(*shape: int, seed: int = 1) -> Tensor:
    """Entries from -3 to 3."""
    return torch.randint(-3, 4, shape, generator=torch.Generator().manual_seed(seed)).double()


def both_ways(
    discriminator: Any, x: Tensor, leaves: list[Tensor], lets_go: bool = True
) -> tuple[list[Tensor | None], list[Tensor | None]]:
    """The gradients in x and the leaves, replayed and by double backward, for one pair of integer cotangents (α, w).

    `lets_go`: the replay keeps no activation but where it must.
    """
    alpha, w = integers(len(x), seed=2), integers(*x.shape, seed=3)
    inner = x.clone().requires_grad_()
    score = discriminator(inner).reshape(len(x))
    (v,) = torch.autograd.grad(score.sum(), inner, create_graph=True)
    expected = torch.autograd.grad([score, v], [inner, *leaves], [alpha, w], allow_unused=True)

    inner, outer = x.clone().requires_grad_(), x.clone().requires_grad_()
    kept = activations() if lets_go else None
    with kept.saving() if kept is not None else nullcontext():
        score = discriminator(inner).reshape(len(x))
    f, v = replay.plan(score, inner, kept).apply(outer)
    found = torch.autograd.grad([f, v], [outer, *leaves], [alpha, w], allow_unused=True)
    return list(found), list(expected)


def assert_same(found: list[Tensor | None], expected: list[Tensor | None]) -> None:
    """Every bit equal, and a gradient wherever double backward has one."""
    for index, (mine, theirs) in enumerate(zip(found, expected, strict=True)):
        assert (mine is None) == (theirs is None), index
        if mine is not None and theirs is not None:
            assert mine.shape == theirs.shape
            assert torch.equal(mine, theirs), (index, mine, theirs)


class Lambda(nn.Module):
    """A module of its parts and a function of them."""

    def __init__(self, function: Callable[..., Tensor], **parts: nn.Module | nn.Parameter) -> None:
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


def head(*body: nn.Module, inputs: Shape) -> nn.Module:
    """The body followed by a linear layer of the width that the body has on inputs of that shape."""
    with torch.no_grad():
        width = nn.Sequential(*body)(torch.zeros(2, *inputs)).flatten(1).shape[1]
    return nn.Sequential(*body, nn.Flatten(), nn.Linear(width, 1))


def images(layer: nn.Module, channels: int = 4, size: int = 8) -> nn.Module:
    """conv, |·|, the layer, conv, LeakyReLU, linear: whatever the layer mixes up, the layers around it see."""
    inputs = (2, size, size)
    body = (nn.Conv2d(2, channels, 3, padding=1), Abs(), layer)
    with torch.no_grad():
        between = nn.Sequential(*body)(torch.zeros(2, *inputs)).shape[1]
    return head(*body, nn.Conv2d(between, 2, 3, padding=1), nn.LeakyReLU(0.25), inputs=inputs)


def signals(layer: nn.Module) -> nn.Module:
    return head(nn.Conv1d(2, 4, 3, padding=1), nn.LeakyReLU(0.25), layer, inputs=(2, 16))


def volumes(layer: nn.Module) -> nn.Module:
    return head(nn.Conv3d(2, 4, 3, padding=1), nn.LeakyReLU(0.25), layer, inputs=(2, 4, 4, 4))


def dense(*between: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(5, 8), nn.LeakyReLU(0.5), *between, nn.Linear(8, 1))


def function(function: Callable[[Tensor], Tensor]) -> nn.Module:
    return Lambda(lambda _, x: function(x))


def batch_norm(kind: type[nn.Module], affine: bool = True) -> nn.Module:
    """In evaluation mode, with variance 4 and an ε too small to matter, so that 1/σ is exact."""
    norm = kind(4, eps=1e-30, affine=affine).eval()  # nothing beside 1; torch 2.11 takes no 0
    norm.running_mean.copy_(torch.arange(4.0) - 1)
    norm.running_var.fill_(4)
    return norm


def blur(x: Tensor) -> Tensor:
    kernel = torch.tensor([1.0, 2.0, 1.0], dtype=x.dtype)
    return F.conv2d(x, (kernel[:, None] * kernel / 16).expand(x.shape[1], 1, 3, 3), padding=1, groups=x.shape[1])


def polyphase(x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).permute(0, 1, 3, 5, 2, 4).reshape(n, 4 * c, h // 2, w // 2)


class Twice(nn.Module):
    """One weight used twice, once transposed."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(5, 5), nn.Linear(5, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        h = F.leaky_relu(self.first(F.relu(self.first(x))), 0.5)
        return self.last(F.linear(h, self.first.weight.T).abs())


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(5, 5), nn.Linear(5, 5, bias=False), nn.Linear(10, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = x + F.relu(self.a(x))
        h = h - 2 * F.relu(self.b(F.relu(h)))
        return self.c(torch.cat([h, 1 - x], dim=1))


class Projection(nn.Module):
    """A conditional score with labels that repeat."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head, self.embedding = nn.Linear(5, 8), nn.Linear(8, 1), nn.Embedding(4, 8)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.body(x))
        y = torch.arange(len(x)) % 3
        return self.head(h) + (self.embedding(y) * h).sum(1, keepdim=True)


class Equalized(nn.Module):
    """Weights and biases that are scaled at run time: neither is a leaf where a layer meets it."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(4, 2, 3, 3)), nn.Parameter(torch.ones(4))
        self.last, self.offset = nn.Parameter(torch.ones(1, 4)), nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        h = F.leaky_relu(F.conv2d(x, self.weight * 0.25, self.bias * 0.5, padding=1), 0.25)
        return F.linear(h.mean((2, 3)), self.last / 2, self.offset * 2)


def gated(module: Lambda, x: Tensor) -> Tensor:
    """A parameter that multiplies, one that divides, ones that are added and subtracted on either side."""
    h = module.first(x) * module.gain
    h = F.relu(module.shift + h) / module.divisor
    h = module.offset - (h - module.shift)
    h = torch.rsub(h.abs(), module.shift, alpha=3) + torch.rsub(module.offset, h, alpha=2)
    return module.last(torch.add(h, module.offset, alpha=2))


def parameter(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.ones(*shape))


def attention_without_softmax(module: Lambda, x: Tensor) -> Tensor:
    """Tokens mixed by a learned matrix, which stands left in one batched product and right in the other."""
    h = torch.matmul(module.mix.expand(len(x), -1, -1), F.relu(module.embed(x)))  # (N, T, C)
    h = torch.bmm(h.abs().mT, module.mix.expand(len(x), -1, -1))
    return module.last(h.flatten(1))


CASES: Mapping[str, tuple[Callable[[], nn.Module], Shape]] = {
    "linear": (lambda: nn.Linear(5, 1), (5,)),
    "linear, no bias": (lambda: nn.Sequential(nn.Linear(5, 8, bias=False), nn.ReLU(), nn.Linear(8, 1, False)), (5,)),
    "relu": (lambda: nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1)), (5,)),
    "leaky relu": (lambda: dense(nn.Linear(8, 8), nn.LeakyReLU(0.25)), (5,)),
    "in place": (lambda: dense(nn.Linear(8, 8), nn.LeakyReLU(0.25, True), nn.Linear(8, 8), nn.ReLU(True)), (5,)),
    "prelu": (lambda: dense(nn.Linear(8, 8), nn.PReLU()), (5,)),
    "prelu per channel": (lambda: images(nn.PReLU(4)), (2, 8, 8)),
    "prelu at its kink": (lambda: nn.Sequential(nn.PReLU(5), nn.Linear(5, 8), nn.PReLU(), nn.Linear(8, 1)), (5,)),
    "abs": (lambda: dense(nn.Linear(8, 8), Abs()), (5,)),
    "hardtanh": (lambda: dense(nn.Linear(8, 8), nn.Hardtanh(-2, 4)), (5,)),
    "relu6": (lambda: dense(nn.Linear(8, 8), nn.ReLU6()), (5,)),
    "threshold": (lambda: dense(nn.Linear(8, 8), nn.Threshold(1, 2)), (5,)),
    "clamp": (lambda: dense(function(lambda h: h.clamp(min=-1) + h.clamp(max=1) - h.clamp(-2, 2))), (5,)),
    "maximum": (lambda: dense(function(lambda h: torch.maximum(h, 1 - h) + torch.minimum(h, -h))), (5,)),
    "where": (lambda: dense(function(lambda h: torch.where(h > 1, h, 3 * h))), (5,)),
    "sums that broadcast": (lambda: dense(function(lambda h: h - h[:, :1] + h.mean(1, keepdim=True))), (5,)),
    "a difference from one that is broadcast": (lambda: dense(function(lambda h: h[:, :1] - h)), (5,)),
    "choices that broadcast": (
        lambda: dense(function(lambda h: torch.maximum(h, h[:, :1]) + torch.where(h > 1, h, h[:, 1:2]))),
        (5,),
    ),
    "dropout in evaluation mode": (lambda: dense(nn.Dropout().eval()), (5,)),
    "sorted": (lambda: dense(function(lambda h: h.sort(1).values.flip(1).cumsum(1))), (5,)),
    "maxout": (
        lambda: Lambda(lambda m, x: m.b(m.a(x).view(-1, 4, 2).amax(2)), a=nn.Linear(5, 8), b=nn.Linear(4, 1)),
        (5,),
    ),
    "convolution": (lambda: images(nn.Conv2d(4, 4, 3)), (2, 8, 8)),
    "stride, padding": (lambda: images(nn.Conv2d(4, 4, (3, 4), stride=(2, 3), padding=(1, 2))), (2, 8, 8)),
    "dilation": (lambda: images(nn.Conv2d(4, 4, 3, dilation=2, padding=1)), (2, 8, 8)),
    "groups": (lambda: images(nn.Conv2d(4, 6, 3, groups=2, bias=False)), (2, 8, 8)),
    "depthwise": (lambda: images(nn.Conv2d(4, 8, 3, groups=4)), (2, 8, 8)),
    "transposed": (
        lambda: images(nn.ConvTranspose2d(4, 6, 4, stride=2, padding=1, output_padding=1, groups=2)),
        (2, 8, 8),
    ),
    "transposed, dilated": (lambda: images(nn.ConvTranspose2d(4, 4, 3, dilation=2)), (2, 8, 8)),
    "same padding": (lambda: images(nn.Conv2d(4, 4, 4, padding="same")), (2, 8, 8)),
    "reflected padding": (lambda: images(nn.Conv2d(4, 4, 3, padding=2, padding_mode="reflect")), (2, 8, 8)),
    "replicated padding": (lambda: images(nn.Conv2d(4, 4, 3, padding=2, padding_mode="replicate")), (2, 8, 8)),
    "1-D": (lambda: signals(nn.Conv1d(4, 4, 3, stride=2, dilation=2)), (2, 16)),
    "1-D transposed": (lambda: signals(nn.ConvTranspose1d(4, 4, 4, stride=2)), (2, 16)),
    "3-D": (lambda: volumes(nn.Conv3d(4, 4, 3, stride=2, padding=1)), (2, 4, 4, 4)),
    "3-D transposed": (lambda: volumes(nn.ConvTranspose3d(4, 4, 2, stride=2)), (2, 4, 4, 4)),
    "max pool": (lambda: images(nn.MaxPool2d(3, 2, 1)), (2, 8, 8)),
    "max pool, ceil": (lambda: images(nn.MaxPool2d(3, ceil_mode=True)), (2, 8, 8)),
    "max pool 1-D": (lambda: signals(nn.MaxPool1d(3)), (2, 16)),
    "max pool 3-D": (lambda: volumes(nn.MaxPool3d(2)), (2, 4, 4, 4)),
    "average pool": (lambda: images(nn.AvgPool2d(4, 2, 1)), (2, 8, 8)),
    "average pool 1-D": (lambda: signals(nn.AvgPool1d(2)), (2, 16)),
    "average pool 3-D": (lambda: volumes(nn.AvgPool3d(2)), (2, 4, 4, 4)),
    "averaged convolution": (
        lambda: images(nn.Sequential(nn.Conv2d(4, 6, 3, padding=1, groups=2), nn.AvgPool2d(2))),
        (2, 8, 8),
    ),
    "averaged convolution, odd": (lambda: images(nn.Sequential(nn.Conv2d(4, 4, 2), nn.AvgPool2d(2))), (2, 8, 8)),
    "averaged convolution of a pixel": (
        lambda: images(nn.Sequential(nn.Conv2d(4, 4, 1, bias=False), nn.AvgPool2d(2))),
        (2, 8, 8),
    ),
    "adaptive average pool": (lambda: images(nn.AdaptiveAvgPool2d(2)), (2, 8, 8)),
    "global average pool": (lambda: images(nn.AdaptiveAvgPool2d(1)), (2, 8, 8)),
    "adaptive max pool": (lambda: images(nn.AdaptiveMaxPool2d(3)), (2, 8, 8)),
    "adaptive max pool 1-D": (lambda: signals(nn.AdaptiveMaxPool1d(5)), (2, 16)),
    "nearest": (lambda: images(nn.Upsample(scale_factor=2)), (2, 8, 8)),
    "nearest 1-D": (lambda: signals(nn.Upsample(scale_factor=2)), (2, 16)),
    "nearest 3-D": (lambda: volumes(nn.Upsample(scale_factor=2)), (2, 4, 4, 4)),
    "bilinear": (lambda: images(nn.UpsamplingBilinear2d(15)), (2, 8, 8)),
    "linear 1-D": (lambda: signals(nn.Upsample(scale_factor=2, mode="linear")), (2, 16)),
    "trilinear": (lambda: volumes(nn.Upsample(scale_factor=2, mode="trilinear")), (2, 4, 4, 4)),
    "pixel shuffle": (lambda: images(nn.PixelShuffle(2)), (2, 8, 8)),
    "pixel unshuffle": (lambda: images(nn.PixelUnshuffle(2)), (2, 8, 8)),
    "polyphase": (lambda: images(function(polyphase)), (2, 8, 8)),
    "blur": (lambda: images(function(blur)), (2, 8, 8)),
    "unfold": (lambda: head(nn.Unfold(3), nn.LeakyReLU(0.5), inputs=(2, 8, 8)), (2, 8, 8)),
    "crop and pad": (lambda: images(function(lambda h: F.pad(h[:, 1:, ::2, 2:], (1, 2, 0, 1, 3, 0)))), (2, 8, 8)),
    "chosen channels": (lambda: images(function(lambda h: h[:, [3, 0, 0]])), (2, 8, 8)),
    "chunks": (lambda: images(function(lambda h: torch.cat([*h.chunk(2, 1), *h.split([1, 3], 1)], 1))), (2, 8, 8)),
    "stacked": (lambda: images(function(lambda h: torch.stack([h, -h], 2).flatten(1, 2))), (2, 8, 8)),
    "2x - 1": (lambda: nn.Sequential(function(lambda x: 2 * x - 1), dense(function(lambda h: 3 - h))), (5,)),
    "residual": (Residual, (5,)),
    "a weight used twice": (Twice, (5,)),
    "embedding": (Projection, (5,)),
    "equalized learning rate": (Equalized, (2, 4, 4)),
    "batch norm": (lambda: images(batch_norm(nn.BatchNorm2d)), (2, 8, 8)),
    "batch norm, not affine": (lambda: images(batch_norm(nn.BatchNorm2d, affine=False)), (2, 8, 8)),
    "batch norm 1-D": (lambda: signals(batch_norm(nn.BatchNorm1d)), (2, 16)),
    "batch norm 3-D": (lambda: volumes(batch_norm(nn.BatchNorm3d)), (2, 4, 4, 4)),
    "batch norm of vectors": (
        lambda: nn.Sequential(nn.Linear(5, 4), nn.ReLU(), batch_norm(nn.BatchNorm1d), nn.Linear(4, 1)),
        (5,),
    ),
    "parameters that add, multiply, divide": (
        lambda: Lambda(
            gated,
            first=nn.Linear(5, 8),
            last=nn.Linear(8, 1),
            gain=parameter(8),
            shift=parameter(1, 8),
            divisor=parameter(8),
            offset=parameter(1),
        ),
        (5,),
    ),
    "linear on tokens": (
        lambda: head(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2, bias=False), inputs=(3, 5)),
        (3, 5),
    ),
    "tokens mixed by a matrix": (
        lambda: Lambda(attention_without_softmax, embed=nn.Linear(5, 4), mix=parameter(3, 3), last=nn.Linear(12, 1)),
        (3, 5),
    ),
    "patches": (lambda: images(nn.Conv2d(4, 1, 8)), (2, 8, 8)),
    "a map's sum": (lambda: nn.Sequential(nn.Conv2d(2, 1, 3), function(lambda h: h.abs().sum((1, 2, 3)))), (2, 8, 8)),
}


@pytest.mark.parametrize(("samples", "lets_go"), [(0, True), (1, True), (4, True), (4, False)])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
def test_every_gradient_equals_double_backwards_in_every_bit(case: str, samples: int, lets_go: bool) -> None:
    if samples == 0 and case in ("pixel shuffle", "pixel unshuffle"):
        pytest.skip("torch's own derivative of this operation fails on an empty batch")
    build, shape = CASES[case]
    discriminator = dyadic(build())
    assert_same(*both_ways(discriminator, integers(samples, *shape), list(discriminator.parameters()), lets_go))


UNKNOWN = (
    "hardtanh", "relu6", "threshold", "clamp", "maximum", "where", "choices that broadcast", "2x - 1", "residual",
    "crop and pad", "batch norm, not affine", "same padding",
)  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
def test_where_an_additive_constant_is_not_known_the_activations_stay(case: str) -> None:
    build, shape = CASES[case]
    discriminator, inner = dyadic(build()), integers(2, *shape).requires_grad_()
    assert replay.plan(discriminator(inner).reshape(2), inner).path.known == (case not in UNKNOWN)


@pytest.mark.parametrize("case", ["convolution", "max pool", "batch norm", "prelu per channel", "transposed", "3-D"])
def test_channels_last(case: str) -> None:
    build, shape = CASES[case]
    order = torch.channels_last if len(shape) == 3 else torch.channels_last_3d
    discriminator = dyadic(build()).to(memory_format=order)
    x = integers(4, *shape).contiguous(memory_format=order)
    assert_same(*both_ways(discriminator, x, list(discriminator.parameters())))


@pytest.mark.parametrize("slope", [0.0, 0.25, -1.0])
def test_an_exact_network_by_numpy(slope: float) -> None:
    """The network's own `pullback` shares no code with autograd; its points lie off every kink."""
    network = off_kinks(
        [[([2, -1], 1), ([1, 3], -3), ([-2, 1], 5)], [([1, -1, 2], 1), ([3, 1, -1], -5)]], ([2, -3], 1), slope
    )
    x, alpha, w = integers(6, 2), integers(6, seed=2), integers(6, 2, seed=3)
    discriminator, inner = network.to_torch(), x.clone().requires_grad_()
    f, v = replay.plan(discriminator(inner).reshape(6), inner).apply(x)
    found = torch.autograd.grad([f, v], list(discriminator.parameters()), [alpha, w])
    expected = network.pullback(x.numpy(), alpha.numpy(), w.numpy())
    assert_same(list(found), [torch.from_numpy(array.copy()) for array in expected])


def test_dead_samples_contribute_nothing() -> None:
    """A sample whose units are all off has v = 0, and its gradient is that of the head's bias alone."""
    discriminator = dyadic(nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1)))
    with torch.no_grad():
        discriminator[0].weight.abs_()
        discriminator[0].bias.fill_(-1)
    x = torch.tensor([[-3.0, -2.0], [3.0, 1.0]], dtype=torch.float64)
    assert_same(*both_ways(discriminator, x, list(discriminator.parameters())))
    f_hat = gnref.gradient_normalize(discriminator, x, method="replay")
    f_hat[0].backward()
    assert all(torch.equal(p.grad, torch.zeros_like(p)) for p in discriminator.parameters())


@pytest.mark.parametrize("frozen", ["0.weight", "0.bias", "2.weight", "3.weight", "6.weight", "all but 3.bias"])
def test_frozen_parameters_get_none_and_the_rest_are_right(frozen: str) -> None:
    discriminator = dyadic(images(nn.PReLU(4)))
    for name, weight in discriminator.named_parameters():
        weight.requires_grad_(name != frozen and not (frozen.startswith("all") and name != "3.bias"))
    leaves = [p for p in discriminator.parameters() if p.requires_grad]
    assert_same(*both_ways(discriminator, integers(4, 2, 8, 8), leaves))
    gnref.gradient_normalize(discriminator, integers(4, 2, 8, 8), method="replay").sum().backward()
    assert all((p.grad is None) == (not p.requires_grad) for p in discriminator.parameters())


def test_all_frozen_leaves_the_gradient_in_x() -> None:
    discriminator = dyadic(images(nn.ReLU())).requires_grad_(False)
    assert_same(*both_ways(discriminator, integers(4, 2, 8, 8), []))


def test_functional_call() -> None:
    discriminator = dyadic(images(nn.ReLU()))
    parameters = {k: p.detach().clone().requires_grad_() for k, p in discriminator.named_parameters()}
    assert_same(
        *both_ways(
            partial(torch.func.functional_call, discriminator, parameters),
            integers(4, 2, 8, 8),
            list(parameters.values()),
        )
    )


def test_a_parameter_behind_operations_and_at_a_layer_at_once() -> None:
    """One leaf is met directly, scaled, and through a tensor that both x's path and another parameter use."""
    weight = integers(3, 3, seed=5).requires_grad_()
    shift = integers(3, seed=6).requires_grad_()

    def discriminator(x: Tensor) -> Tensor:
        joint = weight * shift
        return (F.relu(x @ weight + shift) @ joint + (joint @ shift)).abs().sum(1)

    assert_same(*both_ways(discriminator, integers(4, 3), [weight, shift]))


def test_a_parameter_that_never_meets_x_is_a_function_of_the_score_alone() -> None:
    """f = |W x| summed + exp(c): the constant is any function of parameters, and receives Σ αᵢ times its derivative."""
    weight, constant = integers(3, 2, seed=5).requires_grad_(), torch.zeros(1, dtype=torch.float64, requires_grad=True)
    assert_same(*both_ways(lambda x: (x @ weight).abs().sum(1) + constant.exp(), integers(4, 3), [weight, constant]))


@pytest.mark.parametrize("axis", [1, -1, 2])
def test_a_reshaped_batch_stays_with_its_samples(axis: int) -> None:
    """(N, T, C) flattened to (N·T, C), where each row has its sample's α."""
    discriminator = dyadic(
        Lambda(
            lambda m, x: m.b(F.relu(m.a(x.reshape(-1, 5))).view(len(x), 3, 4)).sum((1, 2)),
            a=nn.Linear(5, 4),
            b=nn.Linear(4, 2),
        )
    )
    x = integers(4, 3, 5) if axis == 1 else integers(4, 5, 3).transpose(1, axis)
    assert_same(*both_ways(discriminator, x, list(discriminator.parameters())))


def test_a_slice_of_all_samples_leaves_them_where_they_are() -> None:
    """PyTorch 2.6 records `x[:, :2]` as this slice of axis 0 and another one."""
    convolution = nn.Conv2d(2, 3, 3)
    x = torch.randn(4, 3, 6, 6)

    def discriminator(x: Tensor) -> Tensor:
        everything = torch.ops.aten.slice(x, 0, 0, 2**63 - 1, 1)
        return F.relu(convolution(everything[:, :2])).flatten(1).sum(1)

    scores = gnref.gradient_normalize(discriminator, x, method="replay")
    assert torch.equal(scores, gnref.gradient_normalize(discriminator, x, method="double-backward"))

    def some(x: Tensor) -> Tensor:
        return discriminator(x)[:2]

    with pytest.raises(ValueError, match=r"shape \(4,\)"):
        gnref.gradient_normalize(some, x, method="replay")
