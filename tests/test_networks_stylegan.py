"""StyleGAN's parts: growth, fading, styles, noise, equalized layers, and the minibatch standard deviation."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F

from gnref.errors import UserError
from gnref.networks import StyleGANDiscriminator, StyleGANGenerator, fade_reals
from gnref.networks.equalized import EqualizedConv2d, EqualizedLinear
from gnref.networks.stylegan import Blur, MinibatchStddev, StyleLayer, _drawn, _of_latents


@pytest.mark.parametrize("alpha", [1, 0.25])
@pytest.mark.parametrize("resolution", [4, 8, 16, 32, 64, 128, 256, 512, 1024])
def test_one_step_at_every_resolution(resolution, alpha):
    """The layers of this resolution, and of the one below while it fades in, all get gradients; later ones get none."""
    torch.manual_seed(0)
    g, d = StyleGANGenerator(latent=4, width=1), StyleGANDiscriminator(width=1)
    images = g(torch.randn(1, 4), resolution, alpha)
    assert images.shape == (1, 3, resolution, resolution)
    scores = d(images, alpha)
    assert scores.shape == (1, 1)
    (gradient,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    (scores.sum() + gradient.square().sum()).backward()
    for name, parameter in [*g.named_parameters(), *d.named_parameters()]:
        assert parameter.grad is None or parameter.grad.isfinite().all(), name
    stage = resolution.bit_length() - 3
    for layers in (g.to_rgb, d.from_rgb):
        used = [index for index, layer in enumerate(layers) if next(layer.parameters()).grad is not None]
        assert used == ([stage] if alpha == 1 or stage == 0 else [stage - 1, stage])
    for blocks in (g.blocks, d.blocks):
        for index, block in enumerate(blocks):
            assert all((parameter.grad is not None) == (index < stage) for parameter in block.parameters())


def test_alpha_0_is_the_resolution_below():
    """Exactly: images upsampled, scores of pooled images, and reals as smooth. (The noise's gain is 0 at the start.)"""
    torch.manual_seed(0)
    g, d = StyleGANGenerator(16, latent=4, width=1).eval(), StyleGANDiscriminator(16, width=1)
    z = torch.randn(2, 4)
    below = F.interpolate(g(z, 8), scale_factor=2)
    assert torch.equal(g(z, 16, 0), below)
    images = torch.randn(2, 3, 16, 16)
    pooled = F.avg_pool2d(images, 2)
    assert torch.equal(d(images, 0), d(pooled))
    assert torch.equal(fade_reals(images, 0), F.interpolate(pooled, scale_factor=2))
    assert torch.equal(fade_reals(images, 1), images)


def test_alpha_weighs_the_new_resolution():
    """Halfway is the mean of both ends, exactly: halving does not round."""
    torch.manual_seed(0)
    g = StyleGANGenerator(8, latent=4, width=1).eval()
    z = torch.randn(2, 4)
    assert torch.equal(g(z, 8, 0.5), 0.5 * g(z, 8) + 0.5 * g(z, 8, 0))


@pytest.mark.parametrize("resolution", [2, 12, 64])
def test_a_resolution_it_does_not_have_is_refused(resolution):
    g, d = StyleGANGenerator(32, latent=4, width=1), StyleGANDiscriminator(32, width=1)
    message = f"expected a power of two from 4 to 32 pixels, got {resolution}"
    with pytest.raises(UserError, match=f"StyleGANGenerator: {message}"):
        g(torch.randn(1, 4), resolution)
    with pytest.raises(UserError, match=f"StyleGANDiscriminator: {message}"):
        d(torch.randn(1, 3, resolution, resolution))


def test_style_mixing_takes_the_second_style_from_a_crossover_on():
    """Always mixed, every crossover from 1 to layers - 1 occurs; never in evaluation mode or at probability 0."""
    g = StyleGANGenerator(8, latent=4, width=1, mixing=1)
    z = torch.randn(3, 4, generator=torch.Generator().manual_seed(100))
    first = g.mapping(z)
    crossovers = set()
    for seed in range(40):
        w = g._styles(z, 4, torch.Generator().manual_seed(seed))
        own = [torch.equal(w[:, layer], first) for layer in range(4)]
        crossovers.add(own.index(False))
        assert own == sorted(own, reverse=True)
        assert torch.equal(w[:, 3], w[:, own.index(False)])
    assert crossovers == {1, 2, 3}
    unmixed = first[:, None].expand(-1, 4, -1)
    assert torch.equal(g.eval()._styles(z, 4, None), unmixed)
    g.train().mixing = 0
    assert torch.equal(g._styles(z, 4, None), unmixed)


def test_mixing_probability():
    """At 0.9, 400 draws mix 360 times, give or take 6 deviations of √(400 · 0.9 · 0.1) = 6."""
    g = StyleGANGenerator(8, latent=2, width=1)
    z = torch.ones(1, 2)
    first = g.mapping(z)[0]
    generator = torch.Generator().manual_seed(0)
    mixed = sum(not torch.equal(g._styles(z, 4, generator)[0, 3], first) for _ in range(400))
    assert abs(mixed - 360) <= 36


def test_noise_is_drawn_anew_and_follows_the_generator():
    g = StyleGANGenerator(8, latent=4, width=1).eval()
    for module in g.modules():
        if isinstance(module, StyleLayer):
            module.noise_gain.data.fill_(1)
    z = torch.randn(2, 4, generator=torch.Generator().manual_seed(0))
    again = [g(z, generator=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert torch.equal(again[0], again[1])
    assert not torch.equal(again[0], again[2])


def test_noise_of_a_sample_in_evaluation_mode_is_a_function_of_its_latent():
    """The same alone and in a batch, another for every latent and layer, and nothing of it from the global state."""
    z = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    x = torch.zeros(3, 5, 4, 4)
    together = _of_latents(z)
    state = torch.get_rng_state()
    first, second = together(x), together(x)
    assert torch.equal(torch.get_rng_state(), state)
    assert len({tuple(each.flatten().tolist()) for each in (*first, *second)}) == 6
    for i in range(3):
        alone = _of_latents(z[i : i + 1])
        assert torch.equal(alone(x[:1]), first[i : i + 1])
        assert torch.equal(alone(x[:1]), second[i : i + 1])
    g = StyleGANGenerator(8, latent=4, width=1).eval()
    for module in g.modules():
        if isinstance(module, StyleLayer):
            module.noise_gain.data.fill_(1)
    assert torch.equal(g(z), g(z))
    assert not torch.equal(g.train()(z), g(z))


def test_noise_is_one_map_for_all_channels_of_a_sample():
    """On zero features, two channels of equal gain are equal, a channel of gain 0 stays zero, two samples differ."""
    layer = StyleLayer(3, 4)
    layer.noise_gain.data = torch.tensor([1.0, 1.0, 0.0]).view(3, 1, 1)
    y = layer(torch.zeros(2, 3, 4, 4), torch.zeros(2, 4), _drawn(torch.Generator().manual_seed(0)))
    assert torch.equal(y[:, 0], y[:, 1])
    assert not y[:, 2].any()
    assert not torch.equal(y[0, 0], y[1, 0])


def test_style_layer_scales_and_shifts_the_normalized_map():
    """A map of ±1 has mean 0.8·0.5 and deviation 0.6 after LeakyReLU(0.2), so that it normalizes to ±1.

    float32: seven operations on numbers near 1, each within 2⁻²⁴, amplified by 1/0.6 by the division: 16 · 2⁻²⁴ ·
    |scale| covers them, and eps adds 1e-8 / 0.36 relative, below one rounding.
    """
    layer = StyleLayer(1, 4)
    layer.style.bias.data = torch.tensor([2.0, 5.0])
    x = torch.tensor([1.0, -1.0]).repeat(8).view(1, 1, 4, 4)
    y = layer(x, torch.zeros(1, 4), torch.zeros_like)
    assert (y - (3 * x + 5)).abs().max() <= 16 * 2**-24 * 8


def test_learning_rate_multiplier_keeps_the_function_and_slows_the_weights():
    """λ = 1/128: the same output, exactly, from weights 128 times larger whose gradients are 128 times smaller."""
    x = torch.randn(3, 5, generator=torch.Generator().manual_seed(1))
    layers = []
    for multiplier in (1, 1 / 128):
        torch.manual_seed(0)
        layer = EqualizedLinear(5, 4, multiplier=multiplier)
        layers.append((layer, layer(x)))
        layers[-1][1].sum().backward()
    (plain, output), (slow, slow_output) = layers
    assert torch.equal(output, slow_output)
    assert torch.equal(plain.weight.grad, 128 * slow.weight.grad)
    assert torch.equal(plain.bias.grad, 128 * slow.bias.grad)


@pytest.mark.parametrize("gain", [1, 2**0.5])
@pytest.mark.parametrize(
    ("layer", "fan_in"), [(partial(EqualizedLinear, 8, 2), 8), (partial(EqualizedConv2d, 8, 2, 3), 72)]
)
def test_equalized_scale(layer, fan_in, gain):
    """Weights ~ N(0, 1), biases 0, used times gain / √fan_in; fan-in is counted, not read off the layer."""
    built = layer(gain=gain)
    built.weight.data.fill_(1)
    assert not built.bias.any()
    output = built(torch.ones((1, 8) if fan_in == 8 else (1, 8, 3, 3)))
    value = output.flatten()[0] if fan_in == 8 else output[0, 0, 1, 1]
    # fan_in equal summands: at most fan_in + 2 roundings.
    assert abs(value.item() / (gain * fan_in**0.5) - 1) <= (fan_in + 2) * 2**-24


def test_blur_of_a_point():
    x = torch.zeros(1, 2, 5, 5)
    x[0, 1, 2, 2] = 16
    y = Blur()(x)
    assert not y[0, 0].any()
    assert torch.equal(y[0, 1, 1:4, 1:4], torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]))


def test_minibatch_stddev_is_each_groups_mean_deviation():
    """Groups of 4 interleave: samples 0, 2, 4, 6 and 1, 3, 5, 7. In float32 √(9 + 1e-8) is 3, and the others √1e-8."""
    x = torch.zeros(8, 2, 3, 3)
    x[[0, 2]] = 6
    y = MinibatchStddev()(x)
    assert torch.equal(y[:, :2], x)
    assert torch.equal(y[[0, 2, 4, 6], 2], torch.full((4, 3, 3), 3.0))
    # Four roundings: of 1e-8, of its root, of 1e-4 and of the quotient.
    assert ((y[[1, 3, 5, 7], 2] / 1e-4 - 1).abs() <= 4 * 2**-24).all()


def test_minibatch_stddev_refuses_a_batch_it_cannot_group():
    with pytest.raises(UserError, match="expected a batch of a multiple of 4 images, got 6"):
        MinibatchStddev()(torch.zeros(6, 1, 2, 2))


@pytest.mark.parametrize("coupled", [False, True])
def test_only_minibatch_stddev_couples_samples(coupled):
    torch.manual_seed(0)
    d = StyleGANDiscriminator(8, width=1, minibatch_stddev=coupled)
    x = torch.randn(4, 3, 8, 8, requires_grad=True)
    (gradient,) = torch.autograd.grad(d(x)[0].sum(), x)
    assert gradient[1].any().item() == coupled
