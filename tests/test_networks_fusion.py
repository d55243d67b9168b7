"""Fusing pooling and upsampling into convolutions changes no function, no parameter and no state dict."""

import copy
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize
from torch.utils.flop_counter import FlopCounterMode

from gnref.networks import BigGANDiscriminator, BigGANGenerator, ResNetDiscriminator, ResNetGenerator
from gnref.networks.layers import PooledConv2d, UpsampledConv2d

LABELS = torch.tensor([3, 7])

GENERATORS = [partial(ResNetGenerator, 32), partial(ResNetGenerator, 128), BigGANGenerator]
DISCRIMINATORS = [
    partial(ResNetDiscriminator, 32),
    partial(ResNetDiscriminator, 128),
    partial(ResNetDiscriminator, 32, spectral_norm=True),
    BigGANDiscriminator,
    partial(BigGANDiscriminator, spectral_norm=True),
]


def make_exact(network):
    """Put small integers and powers of two everywhere, so that no operation of the network rounds in float64.

    Parameters are -1, 0 or 1. Batch norm divides by 2. Where a weight is spectrally normalized, u and v are set to
    unit vectors and the entry they meet to 2, so that σ = 2. Evaluation mode keeps all of it. tanh, which is not
    exact, is taken off the generators.
    """
    network.double().eval()
    for parameter in network.parameters():
        parameter.data = torch.randint(-1, 2, parameter.shape, dtype=torch.float64)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-30  # nothing beside 1; torch 2.11 takes no 0
            module.running_var.fill_(4)
            module.running_mean.copy_(torch.randint(-1, 2, module.running_mean.shape))
        if parametrize.is_parametrized(module, "weight"):
            norm = module.parametrizations.weight[0]
            norm._u.copy_(torch.eye(len(norm._u), dtype=torch.float64)[0])
            norm._v.copy_(torch.eye(len(norm._v), dtype=torch.float64)[0])
            module.parametrizations.weight.original.data.view(-1)[0] = 2
    if isinstance(getattr(network, "output", None), nn.Sequential):
        network.output[-1] = nn.Identity()


def derivatives(network, x, *condition):
    """The output, ⟨c, output⟩'s gradients by the input and the parameters, and by the parameters of ⟨∇ₓ⟨c, output⟩, u⟩.

    Cotangent c and direction u are of small integers, from a seed of their own.
    """
    generator = torch.Generator().manual_seed(1)
    x = x.clone().requires_grad_()
    output = network(x, *condition)
    parameters = list(network.parameters())
    cotangent = torch.randint(-1, 2, output.shape, generator=generator).double().index_fill(0, torch.tensor([0]), 1)
    direction = torch.randint(-1, 2, x.shape, generator=generator).double()
    value = (cotangent * output).sum()
    first = torch.autograd.grad(value, [x, *parameters], create_graph=True)
    second = torch.autograd.grad((first[0] * direction).sum(), parameters, materialize_grads=True)
    return [output, *first], second


def paired(build, **arguments):
    """The plain and the fused network, with the same exact numbers."""
    torch.manual_seed(0)
    plain, fused = build(**arguments), build(**arguments, fuse=True)
    make_exact(plain)
    make_exact(fused)
    fused.load_state_dict(plain.state_dict())
    return plain, fused


def assert_same(plain, fused, x, *condition):
    first, second = derivatives(plain, x, *condition)
    fused_first, fused_second = derivatives(fused, x, *condition)
    for ours, theirs in zip([*fused_first, *fused_second], [*first, *second], strict=True):
        assert torch.equal(ours, theirs)
    assert all(tensor.any() for tensor in first[:2])
    return first


@pytest.mark.parametrize("kernel_size", [1, 3])
@pytest.mark.parametrize("convolution", [PooledConv2d, UpsampledConv2d])
@pytest.mark.parametrize("shape", [(2, 3, 6, 10), (1, 3, 7, 5)])
def test_a_fused_convolution_is_the_plain_one(convolution, kernel_size, shape):
    """Equal bit for bit, values, first and second derivatives, odd sizes too: nothing rounds on these numbers."""
    plain, fused = paired(partial(convolution, 3, 2, kernel_size))
    assert_same(plain, fused, torch.randint(-2, 3, shape).double())


@pytest.mark.parametrize("build", DISCRIMINATORS)
def test_a_fused_discriminator_is_the_plain_one(build):
    """Equal bit for bit, values, first and second derivatives, where nothing rounds."""
    plain, fused = paired(build, width=1)
    x = torch.randint(-2, 3, (2, 3, 32, 32)).double()
    first = assert_same(plain, fused, x, *((LABELS,) if isinstance(plain, BigGANDiscriminator) else ()))
    assert sum(gradient.any().item() for gradient in first[2:]) > len(first) / 2


@pytest.mark.parametrize("build", GENERATORS)
def test_a_fused_generator_is_the_plain_one(build):
    """Equal bit for bit, values, first and second derivatives, where nothing rounds."""
    plain, fused = paired(build, width=2, latent=4)
    z = torch.randint(-2, 3, (2, 4)).double()
    first = assert_same(plain, fused, z, *((LABELS,) if isinstance(plain, BigGANGenerator) else ()))
    assert sum(gradient.any().item() for gradient in first[2:]) > len(first) / 2


def test_a_fused_discriminator_rounds_as_little_as_the_plain_one():
    """On Kaiming's weights, scores and gradients of the two differ by at most 2 γ A in float64, γ = N u / (1 − 2 N u).

    u = 2⁻⁵³. On the common activation pattern every quantity is a polynomial in inputs and parameters. A is the same
    quantity of the network of absolute values at |x|, so the sum of the monomials' absolute values; the 2 in γ's
    denominator covers A's own rounding. N bounds the roundings one monomial meets: forward, 8 convolutions: at
    most 16 · 4 products and a bias are summed (65), after 3 sums in a fused kernel, before 4 roundings of a pooling and
    2 of sums with the shortcut; then the global average (65) and the head (5). Backward the same at most. A parameter's
    gradient sums 2 · 32 · 32 products (2049), and 4 roundings lead back from a fused kernel.
    """
    torch.manual_seed(0)
    plain = ResNetDiscriminator(width=2).double()
    fused = ResNetDiscriminator(width=2, fuse=True).double()
    absolute = copy.deepcopy(plain)
    fused.load_state_dict(plain.state_dict())
    for parameter in absolute.parameters():
        parameter.data.abs_()
    x = torch.randn(2, 3, 32, 32, dtype=torch.float64)

    def quantities(network, x):
        x = x.clone().requires_grad_()
        scores = network(x)
        return [scores, *torch.autograd.grad(scores.sum(), [x, *network.parameters()])]

    roundings = 2 * (8 * (65 + 3 + 4 + 2) + 65 + 5) + 2049 + 4
    gamma = roundings * 2**-53 / (1 - 2 * roundings * 2**-53)
    pairs = zip(quantities(plain, x), quantities(fused, x), quantities(absolute, x.abs()), strict=True)
    differ = False
    for theirs, ours, magnitude in pairs:
        assert ((ours - theirs).abs() <= 2 * gamma * magnitude).all()
        differ |= not torch.equal(ours, theirs)
    assert differ, "not one bit differs: the network was not fused"


@pytest.mark.parametrize("build", [partial(ResNetDiscriminator, spectral_norm=True), BigGANGenerator])
def test_spectral_norm_advances_alike(build):
    """A fused forward pass in training mode reads every weight once: u and v stay equal, bit for bit."""
    torch.manual_seed(0)
    plain, fused = build(width=1), build(width=1, fuse=True)
    # A new network's power iteration has all but converged; from random vectors every one of its steps shows.
    for name, buffer in plain.named_buffers():
        if name.endswith(("._u", "._v")):
            buffer.copy_(nn.functional.normalize(torch.randn_like(buffer), dim=0))
    fused.load_state_dict(plain.state_dict())
    before = copy.deepcopy(dict(plain.named_buffers()))
    arguments = (torch.randn(2, 128), LABELS) if build is BigGANGenerator else (torch.randn(2, 3, 32, 32),)
    for _ in range(2):
        plain(*arguments)
        fused(*arguments)
    # Batch statistics are of activations, which may differ by rounding.
    vectors = [name for name in before if name.endswith(("._u", "._v"))]
    assert vectors
    for name in vectors:
        assert torch.equal(fused.get_buffer(name), plain.get_buffer(name)), name
        assert not torch.equal(plain.get_buffer(name), before[name]), name


@pytest.mark.parametrize("build", [*DISCRIMINATORS, *GENERATORS])
def test_fusion_keeps_the_state_dict(build):
    plain, fused = build(width=1).state_dict(), build(width=1, fuse=True).state_dict()
    assert [(name, tensor.shape) for name, tensor in plain.items()] == [(n, t.shape) for n, t in fused.items()]


def products(network, *arguments):
    """Floating-point operations of the matrix products of one forward pass, counted without computing it."""
    with FlopCounterMode(display=False) as counter:
        network(*arguments)
    return counter.get_total_flops()


@pytest.mark.parametrize(
    ("convolution", "kernel_size", "ratio"),
    [
        (PooledConv2d, 3, (16, 36)),
        (PooledConv2d, 1, (1, 4)),
        (UpsampledConv2d, 3, (16, 36)),
        (UpsampledConv2d, 1, (1, 4)),
    ],
)
def test_fusion_saves_products(convolution, kernel_size, ratio):
    """16 products instead of 36 for four pixels of the larger map, and 1 instead of 4 in a 1×1 shortcut."""
    with torch.device("meta"):
        x = torch.empty(1, 8, 16, 16)
        plain = products(convolution(8, 8, kernel_size), x)
        fused = products(convolution(8, 8, kernel_size, fuse=True), x)
    assert fused * ratio[1] == plain * ratio[0]
