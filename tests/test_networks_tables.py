"""Each network is its layer table: on the same parameters the table, line by line, gives the same bits.

The tables share nothing with the networks but PyTorch's operations, the two fused convolutions (tested by themselves)
and the order of the parameters. Both sides make the same operations on the same float64 numbers, so outputs and
gradients are equal, not close.
"""

from functools import partial
from math import sqrt

import pytest
import torch
import torch.nn.functional as F

from gnref.networks import (
    BigGANDiscriminator,
    BigGANGenerator,
    CNNDiscriminator,
    CNNGenerator,
    ResNetDiscriminator,
    ResNetGenerator,
    StyleGANDiscriminator,
    StyleGANGenerator,
)
from gnref.networks.layers import pooled_conv3x3, upsampled_conv3x3

LABELS = torch.tensor([3, 7])


class Tape:
    """A network's parameters, handed out in order."""

    def __init__(self, parameters):
        self.parameters = iter(parameters)

    def conv(self, x, **options):
        weight, bias = next(self.parameters), next(self.parameters)
        return F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2, **options)

    def linear(self, x):
        return F.linear(x, next(self.parameters), next(self.parameters))

    def norm(self, x):
        """Batch norm on the batch's statistics."""
        return F.batch_norm(x, None, None, next(self.parameters), next(self.parameters), training=True)

    def conditional_norm(self, x, y):
        gain, bias = next(self.parameters)[y][:, :, None, None], next(self.parameters)[y][:, :, None, None]
        return F.batch_norm(x, None, None, training=True) * (1 + gain) + bias

    def equalized(self, x, operation, gain=2**0.5, rate=1.0, bias=True):
        weight = next(self.parameters)
        scaled = weight * (rate * gain / sqrt(weight[0].numel()))
        return operation(x, scaled, next(self.parameters) * rate if bias else None)


def up(x):
    return F.interpolate(x, scale_factor=2)


def down(x):
    return F.avg_pool2d(x, 2)


def cnn_generator(tape, smallest, z):
    h = tape.linear(z).view(len(z), -1, smallest, smallest)
    for _ in range(3):
        h = tape.norm(h).relu()
        h = F.conv_transpose2d(h, next(tape.parameters), next(tape.parameters), stride=2, padding=1)
    return tape.conv(tape.norm(h).relu()).tanh()


def cnn_discriminator(tape, x):
    for stride in (1, 2, 1, 2, 1, 2, 1):
        weight, bias = next(tape.parameters), next(tape.parameters)
        assert weight.shape[-1] == (3 if stride == 1 else 4)
        x = F.leaky_relu(F.conv2d(x, weight, bias, stride=stride, padding=1), 0.1)
    return tape.linear(x.flatten(1))


def generator_block(tape, x, norm):
    h = tape.conv(up(norm(x).relu()))
    h = tape.conv(norm(h).relu())
    return h + tape.conv(up(x))


def resnet_generator(tape, start, blocks, z):
    h = tape.linear(z).view(len(z), -1, start, start)
    for _ in range(blocks):
        h = generator_block(tape, h, tape.norm)
    return tape.conv(tape.norm(h).relu()).tanh()


def residual_features(tape, halve, widen, x):
    """`halve` and `widen` say of each block whether it pools and whether its channels change."""
    h = down(tape.conv(tape.conv(x).relu()))
    x = h + tape.conv(down(x))
    for pools, widens in zip(halve[1:], widen[1:], strict=True):
        h = tape.conv(tape.conv(x.relu()).relu())
        h = down(h) if pools else h
        if pools or widens:
            x = tape.conv(x)
        x = h + (down(x) if pools else x)
    return x.relu()


def resnet_discriminator(tape, halve, widen, x):
    return tape.linear(residual_features(tape, halve, widen, x).mean((2, 3)))


def biggan_generator(tape, weights, z, y):
    """`weights` are the spectrally normalized ones; conditional norms come from the parameters."""
    h = weights.linear(z).view(len(z), -1, 4, 4)
    for _ in range(3):
        x = h
        h = weights.conv(up(tape.conditional_norm(x, y).relu()))
        h = weights.conv(tape.conditional_norm(h, y).relu())
        h = h + weights.conv(up(x))
    return weights.conv(tape.norm(h).relu()).tanh()


def biggan_discriminator(tape, x, y):
    h = residual_features(tape, (1, 1, 0, 0), (1, 0, 0, 0), x).sum((2, 3))
    return tape.linear(h) + (next(tape.parameters)[y] * h).sum(1, keepdim=True)


def assert_equal_with_gradients(network, function, table, inputs):
    """Outputs, and gradients of the sum of their squares by the input and the network's parameters, are equal."""
    parameters = dict(network.named_parameters())
    results = []
    for side in (function, table):
        x = inputs.clone().requires_grad_()
        output = side(x)
        gradients = torch.autograd.grad(output.square().sum(), [x, *parameters.values()], materialize_grads=True)
        results.append([output, *gradients])
    for name, ours, expected in zip(["output", "input", *parameters], *results, strict=True):
        assert torch.equal(ours, expected), name


def random_biases(network):
    """Biases, 0 at the start, and every other parameter that is constant there, get values."""
    for parameter in network.parameters():
        if parameter.unique().numel() == 1:
            parameter.data.normal_()


@pytest.mark.parametrize(
    ("build", "table"),
    [
        (partial(CNNGenerator, 32), partial(cnn_generator, smallest=4)),
        (partial(CNNGenerator, 48), partial(cnn_generator, smallest=6)),
        (partial(ResNetGenerator, 32), partial(resnet_generator, start=4, blocks=3)),
        (partial(ResNetGenerator, 48), partial(resnet_generator, start=6, blocks=3)),
        (partial(ResNetGenerator, 128), partial(resnet_generator, start=4, blocks=5)),
        (partial(ResNetGenerator, 256), partial(resnet_generator, start=4, blocks=6)),
    ],
)
def test_generator_is_its_table(build, table):
    torch.manual_seed(0)
    network = build(width=1, latent=3).double()
    random_biases(network)
    assert_equal_with_gradients(
        network, network, lambda z: table(Tape(network.parameters()), z=z), torch.randn(2, 3, dtype=torch.float64)
    )


@pytest.mark.parametrize(
    ("build", "size", "table"),
    [
        (CNNDiscriminator, 32, cnn_discriminator),
        (CNNDiscriminator, 48, cnn_discriminator),
        (ResNetDiscriminator, 32, partial(resnet_discriminator, halve=(1, 1, 0, 0), widen=(1, 0, 0, 0))),
        (ResNetDiscriminator, 48, partial(resnet_discriminator, halve=(1, 1, 1, 1), widen=(1, 1, 1, 1))),
        (ResNetDiscriminator, 128, partial(resnet_discriminator, halve=(1, 1, 1, 1, 1, 0), widen=(1, 1, 1, 1, 1, 0))),
        (
            ResNetDiscriminator,
            256,
            partial(resnet_discriminator, halve=(1, 1, 1, 1, 1, 1, 0), widen=(1, 1, 1, 1, 0, 1, 0)),
        ),
        (BigGANDiscriminator, 32, biggan_discriminator),
    ],
)
def test_discriminator_is_its_table(build, size, table):
    torch.manual_seed(0)
    network = build(size, width=1).double()
    random_biases(network)
    condition = {"y": LABELS} if build is BigGANDiscriminator else {}
    assert_equal_with_gradients(
        network,
        lambda x: network(x, **condition),
        lambda x: table(Tape(network.parameters()), x=x, **condition),
        torch.randn(2, 3, size, size, dtype=torch.float64),
    )


def test_biggan_generator_is_its_table():
    """Evaluation mode fixes σ; batch statistics are switched on by hand, as the table has them."""
    torch.manual_seed(0)
    network = BigGANGenerator(width=1, latent=3).double().eval()
    random_biases(network)
    layers = [network.linear]
    for block in network.blocks:
        layers += [block.conv1, block.conv2, block.shortcut]
    layers.append(network.output[2])
    classes = []
    for block in network.blocks:
        for norm in (block.norm1, block.norm2):
            norm.norm.train()
            classes += [norm.gain.weight, norm.bias.weight]
    network.output[0].train()
    classes += network.output[0].parameters()

    def table(z):
        weights = [tensor for layer in layers for tensor in (layer.weight, layer.bias)]
        return biggan_generator(Tape(classes), Tape(weights), z, LABELS)

    assert_equal_with_gradients(network, lambda z: network(z, LABELS), table, torch.randn(2, 3, dtype=torch.float64))


def convolve(x, weight, bias):
    return F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)


def blur(x):
    kernel = torch.tensor([[1, 2, 1], [2, 4, 2], [1, 2, 1]], dtype=x.dtype) / 16
    return F.conv2d(x, kernel.expand(x.shape[1], 1, 3, 3), padding=1, groups=x.shape[1])


def leaky(x):
    return F.leaky_relu(x, 0.2)


def styled(tape, x, w, draws):
    noise_gain, bias = next(tape.parameters), next(tape.parameters)
    noise = torch.randn((len(x), 1, *x.shape[2:]), dtype=x.dtype, generator=draws)
    h = F.instance_norm(leaky(x + noise_gain * noise + bias), eps=1e-8)
    style = tape.equalized(w, F.linear, gain=1)[:, :, None, None]
    return (1 + style[:, : h.shape[1]]) * h + style[:, h.shape[1] :]


def stylegan_generator_16(tape, alpha, draws, z):
    constant = next(tape.parameters)
    h = z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt()
    for _ in range(8):
        h = leaky(tape.equalized(h, F.linear, rate=0.01))
    w = h[:, None].expand(-1, 6, -1)
    maps = [styled(tape, constant.expand(len(z), -1, -1, -1), w[:, 0], draws)]
    maps[0] = styled(tape, tape.equalized(maps[0], convolve, bias=False), w[:, 1], draws)
    for layer in (2, 4):
        h = blur(tape.equalized(maps[-1], upsampled_conv3x3, bias=False))
        h = styled(tape, h, w[:, layer], draws)
        h = tape.equalized(h, convolve, bias=False)
        maps.append(styled(tape, h, w[:, layer + 1], draws))
    images = [tape.equalized(features, convolve, gain=1) for features in maps]
    return alpha * images[2] + (1 - alpha) * up(images[1])


def stylegan_discriminator_16(tape, alpha, x):
    pooled = down(x)
    tape.equalized(down(pooled), convolve)
    below = leaky(tape.equalized(pooled, convolve))
    h = leaky(tape.equalized(x, convolve))
    later = [next(tape.parameters) for _ in range(4)]
    for block in (Tape([next(tape.parameters) for _ in range(4)]), Tape(later)):
        h = leaky(block.equalized(h, convolve))
        h = leaky(block.equalized(blur(h), pooled_conv3x3))
        if below is not None:
            h, below = alpha * h + (1 - alpha) * below, None
    h = leaky(tape.equalized(h, convolve)).flatten(1)
    h = leaky(tape.equalized(h, F.linear))
    return tape.equalized(h, F.linear, gain=1)


def test_stylegan_generator_is_its_table():
    torch.manual_seed(0)
    network = StyleGANGenerator(16, latent=3, width=1).double().eval()
    assert torch.equal(network.constant, torch.ones_like(network.constant))
    random_biases(network)

    def draws():
        return torch.Generator().manual_seed(1)

    assert_equal_with_gradients(
        network,
        lambda z: network(z, alpha=0.25, generator=draws()),
        lambda z: stylegan_generator_16(Tape(network.parameters()), 0.25, draws(), z),
        torch.randn(2, 3, dtype=torch.float64),
    )


def test_stylegan_discriminator_is_its_table():
    torch.manual_seed(0)
    network = StyleGANDiscriminator(16, width=1).double()
    random_biases(network)
    assert_equal_with_gradients(
        network,
        lambda x: network(x, alpha=0.25),
        lambda x: stylegan_discriminator_16(Tape(network.parameters()), 0.25, x),
        torch.randn(2, 3, 16, 16, dtype=torch.float64),
    )
