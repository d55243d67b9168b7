"""StyleGAN's progressively grown networks, first version, up to 1024 pixels [GN, appendix D].

Both networks hold every resolution's layers from the start. A call names the resolution (for the discriminator, the
images do) and `alpha`, how far its layers have faded in: 0 is the resolution below, upsampled; 1 is this one alone.
Channels at r pixels are w · min(1024 / r, 32) for `width` w, 16 in the paper: 512 up to 32 pixels, 16 at 1024.
"""

import hashlib
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gnref.errors import UserError
from gnref.networks.equalized import EqualizedConv2d, EqualizedLinear
from gnref.networks.layers import Activation, pooled_conv3x3, upsample, upsampled_conv3x3

stylegan_leaky_relu: Activation = partial(nn.LeakyReLU, 0.2)
"""StyleGAN's activation."""


def _stage(network: str, resolution: int, size: int) -> int:
    """How many doublings of 4 pixels give `resolution`; `UserError` unless it is a power of two from 4 to `size`."""
    if resolution not in (4, 8, 16, 32, 64, 128, 256, 512, 1024) or resolution > size:
        raise UserError(f"{network}: expected a power of two from 4 to {min(size, 1024)} pixels, got {resolution}.")
    return resolution.bit_length() - 3


def _channels(size: int, width: int) -> list[int]:
    """The channels at 4, 8, ..., `size` pixels."""
    return [width * min(1024 >> stage + 2, 32) for stage in range(size.bit_length() - 2)]


def fade_reals(x: Tensor, alpha: float) -> Tensor:
    """α x + (1 − α) upsample(avgpool₂(x)): real images (N, 3, S, S) as sharp as the generator's while S fades in."""
    return alpha * x + (1 - alpha) * upsample(F.avg_pool2d(x, 2))


class Blur(nn.Module):
    """Every channel convolved with [1, 2, 1] ⊗ [1, 2, 1] / 16."""

    kernel: Tensor

    def __init__(self) -> None:
        super().__init__()
        taps = torch.tensor([1.0, 2.0, 1.0])
        self.register_buffer("kernel", torch.outer(taps, taps)[None, None] / 16, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        channels = x.shape[1]
        return F.conv2d(x, self.kernel.expand(channels, 1, 3, 3), padding=1, groups=channels)


class MinibatchStddev(nn.Module):
    """Append to each sample the mean, over channels and pixels, of its group's standard deviation.

    Groups are of 4 samples, or of the whole batch if it is smaller; a batch of another multiple is refused
    (`UserError`).
    """

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C + 1, H, W)."""
        samples, channels, height, width = x.shape
        group = min(4, samples)
        if samples % group:
            raise UserError(f"MinibatchStddev: expected a batch of a multiple of {group} images, got {samples}.")
        grouped = x.reshape(group, samples // group, channels, height, width)
        deviation = (grouped.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
        return torch.cat([x, deviation.repeat(group).view(samples, 1, 1, 1).expand(-1, 1, height, width)], 1)


Noise = Callable[[Tensor], Tensor]
"""From features (N, C, H, W) to one N(0, 1) map for each sample, (N, 1, H, W)."""


def _drawn(generator: torch.Generator | None) -> Noise:
    """Maps drawn for the batch, from `generator` or PyTorch's own."""
    return lambda x: torch.randn(x[:, :1].shape, dtype=x.dtype, device=x.device, generator=generator)


def _of_latents(z: Tensor) -> Noise:
    """Maps drawn for each sample from a seed that is a hash of its latent."""
    digests = [hashlib.sha256(each.double().cpu().numpy().tobytes()).digest() for each in z.detach()]
    own = [torch.Generator(z.device).manual_seed(int.from_bytes(each[:7], "little")) for each in digests]

    def noise(x: Tensor) -> Tensor:
        shape = 1, *x.shape[2:]
        return torch.stack([torch.randn(shape, dtype=x.dtype, device=x.device, generator=each) for each in own])

    return noise


class StyleLayer(nn.Module):
    """x ↦ (1 + s₀) · instancenorm(φ(x + gain · noise + bias)) + s₁, where (s₀, s₁) is affine in the style w.

    φ is LeakyReLU(0.2). The noise is one N(0, 1) map per sample; its gain per channel starts at 0.
    """

    def __init__(self, channels: int, latent: int) -> None:
        super().__init__()
        self.noise_gain = nn.Parameter(torch.zeros(channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))
        self.style = EqualizedLinear(latent, 2 * channels, gain=1)

    def forward(self, x: Tensor, w: Tensor, noise: Noise) -> Tensor:
        """Features (N, C, H, W) and styles (N, latent) to features (N, C, H, W)."""
        h = F.leaky_relu(x + self.noise_gain * noise(x) + self.bias, 0.2)
        scale, shift = self.style(w)[:, :, None, None].chunk(2, dim=1)
        styled: Tensor = (1 + scale) * F.instance_norm(h, eps=1e-8) + shift
        return styled


class SynthesisBlock(nn.Module):
    """Upsample, conv 3×3, blur, style layer, conv 3×3, style layer."""

    def __init__(self, in_channels: int, out_channels: int, latent: int) -> None:
        super().__init__()
        self.conv1 = EqualizedConv2d(in_channels, out_channels, 3, bias=False, convolve=upsampled_conv3x3)
        self.blur = Blur()
        self.style1 = StyleLayer(out_channels, latent)
        self.conv2 = EqualizedConv2d(out_channels, out_channels, 3, bias=False)
        self.style2 = StyleLayer(out_channels, latent)

    def forward(self, x: Tensor, w1: Tensor, w2: Tensor, noise: Noise) -> Tensor:
        """(N, C, H, W) to (N, O, 2H, 2W)."""
        h = self.style1(self.blur(self.conv1(x)), w1, noise)
        styled: Tensor = self.style2(self.conv2(h), w2, noise)
        return styled


class Mapping(nn.Module):
    """z ↦ w: z / √mean(z²), then eight linear layers with LeakyReLU(0.2) that learn 100 times slower."""

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.layers = nn.Sequential()
        for _ in range(8):
            self.layers.append(EqualizedLinear(latent, latent, multiplier=0.01))
            self.layers.append(nn.LeakyReLU(0.2))

    def forward(self, z: Tensor) -> Tensor:
        """Latents (N, latent) to styles (N, latent)."""
        styles: Tensor = self.layers(z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt())
        return styles


class StyleGANGenerator(nn.Module):
    """(z, resolution, α) ↦ an image: a learned 4×4 constant, blocks styled by w = mapping(z), conv 1×1 to RGB.

    In training mode, with probability `mixing`, the layers past a crossover drawn for the batch take the style of a
    second latent. The image is linear in the last features, not clipped to [-1, 1]. Parameters at the paper's width
    and 1024 pixels: 26,219,627.
    """

    def __init__(self, size: int = 1024, latent: int = 512, width: int = 16, mixing: float = 0.9) -> None:
        super().__init__()
        _stage("StyleGANGenerator", size, size)
        channels = _channels(size, width)
        self.size = size
        self.latent = latent
        self.mixing = mixing
        self.mapping = Mapping(latent)
        self.constant = nn.Parameter(torch.ones(1, channels[0], 4, 4))
        self.style1 = StyleLayer(channels[0], latent)
        self.conv2 = EqualizedConv2d(channels[0], channels[0], 3, bias=False)
        self.style2 = StyleLayer(channels[0], latent)
        self.blocks = nn.ModuleList(SynthesisBlock(before, after, latent) for before, after in pairwise(channels))
        self.to_rgb = nn.ModuleList(EqualizedConv2d(count, 3, 1, gain=1) for count in channels)

    def forward(
        self, z: Tensor, resolution: int | None = None, alpha: float = 1, generator: torch.Generator | None = None
    ) -> Tensor:
        """Latents (N, latent) to images (N, 3, resolution, resolution).

        `resolution` is `size` unless given. `generator` draws noise and style mixing. Without one, PyTorch's own does
        in training mode; in evaluation mode a sample's noise is a function of its latent, the same in any batch.
        Raises `UserError` where the resolution is no power of two from 4 to `size`.
        """
        stage = _stage("StyleGANGenerator", self.size if resolution is None else resolution, self.size)
        w = self._styles(z, 2 * stage + 2, generator)
        noise = _drawn(generator) if self.training or generator is not None else _of_latents(z)
        h = self.style1(self.constant.expand(len(z), -1, -1, -1), w[:, 0], noise)
        below = h = self.style2(self.conv2(h), w[:, 1], noise)
        for index in range(stage):
            below, h = h, self.blocks[index](h, w[:, 2 * index + 2], w[:, 2 * index + 3], noise)
        images: Tensor = self.to_rgb[stage](h)
        if stage == 0 or alpha == 1:
            return images
        return alpha * images + (1 - alpha) * upsample(self.to_rgb[stage - 1](below))

    def _styles(self, z: Tensor, layers: int, generator: torch.Generator | None) -> Tensor:
        """The style of every layer, (N, layers, latent), mixed in training mode; the host reads nothing."""
        w: Tensor = self.mapping(z)[:, None].expand(-1, layers, -1)
        if not self.training or self.mixing == 0:
            return w
        second = self.mapping(torch.randn(z.shape, dtype=z.dtype, device=z.device, generator=generator))
        crossover = torch.randint(1, layers, (), device=z.device, generator=generator)
        unmixed = torch.rand((), device=z.device, generator=generator) >= self.mixing
        first = (torch.arange(layers, device=z.device) < crossover) | unmixed
        return torch.where(first[:, None], w, second[:, None])


class StyleGANDiscriminator(nn.Module):
    """(x, α) ↦ conv 1×1, φ; blocks (conv 3×3, φ, blur, conv 3×3, pool, φ) to 4×4; conv 3×3, φ, linear, φ, linear.

    `activation` φ is LeakyReLU(0.2) in the paper. `minibatch_stddev=True` puts StyleGAN's minibatch standard deviation
    before the last convolution. It is off by default: it couples samples, a score then depending on the rest of the
    batch, and it is not piecewise linear, so that the premises of gradient normalization's theorem do not hold.
    Parameters at the paper's width and 1024 pixels: 23,082,641; with minibatch standard deviation, which the last
    convolution reads as a 513th channel, 23,087,249.
    """

    def __init__(
        self,
        size: int = 1024,
        width: int = 16,
        activation: Activation = stylegan_leaky_relu,
        minibatch_stddev: bool = False,
    ) -> None:
        super().__init__()
        _stage("StyleGANDiscriminator", size, size)
        channels = _channels(size, width)
        top = channels[0]
        self.size = size
        self.from_rgb = nn.ModuleList(nn.Sequential(EqualizedConv2d(3, count, 1), activation()) for count in channels)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                EqualizedConv2d(before, before, 3),
                activation(),
                Blur(),
                EqualizedConv2d(before, after, 3, convolve=pooled_conv3x3),
                activation(),
            )
            for after, before in pairwise(channels)
        )
        self.head = nn.Sequential(
            MinibatchStddev() if minibatch_stddev else nn.Identity(),
            EqualizedConv2d(top + minibatch_stddev, top, 3),
            activation(),
            nn.Flatten(),
            EqualizedLinear(16 * top, top),
            activation(),
            EqualizedLinear(top, 1, gain=1),
        )

    def forward(self, x: Tensor, alpha: float = 1) -> Tensor:
        """Images (N, 3, S, S), S a power of two from 4 to `size` (`UserError` otherwise), to scores (N, 1)."""
        stage = _stage("StyleGANDiscriminator", x.shape[-1], self.size)
        h = self.from_rgb[stage](x)
        for index in reversed(range(stage)):
            h = self.blocks[index](h)
            if index == stage - 1 and alpha != 1:
                h = alpha * h + (1 - alpha) * self.from_rgb[index](F.avg_pool2d(x, 2))
        scores: Tensor = self.head(h)
        return scores
