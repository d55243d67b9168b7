"""The class-conditional BigGAN for CIFAR-10 at 32 pixels [GN, appendix D, Eq. 16]."""

from functools import partial

from torch import Tensor, nn

from gnref.networks.layers import (
    Activation,
    DiscriminatorBlock,
    FirstDiscriminatorBlock,
    GeneratorBlock,
    Initializer,
    initialize,
    layout_for,
)
from gnref.networks.spectral import add_spectral_norm

# By image size: pixels of the generator's first map; 16 is ours, for the small experiments.
_START = {32: 4, 16: 2}

# What the power iteration adds to a norm before it divides by it; BigGAN's own constant.
_SPECTRAL_NORM_EPS = 1e-6


class ConditionalBatchNorm2d(nn.Module):
    """(x, y) ↦ (1 + γ_y) · batchnorm(x) + β_y, with a gain and a bias per class and channel."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gain = nn.Embedding(classes, channels)
        self.bias = nn.Embedding(classes, channels)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Features (N, C, H, W) and labels (N,) int64 to features (N, C, H, W)."""
        gain = 1 + self.gain(y)[:, :, None, None]
        normalized: Tensor = self.norm(x) * gain + self.bias(y)[:, :, None, None]
        return normalized


class BigGANGenerator(nn.Module):
    """(z, y) ↦ linear, three residual blocks with conditional batch norm, batch norm, ReLU, conv 3×3, tanh.

    Every map has 4 · `width` channels, width 64 in the paper. Linear layer and convolutions are divided by their
    spectral norm; gains and biases of the classes are not. No shared class embedding, no split z, no attention:
    BigGAN's own configuration for CIFAR-10. `init` fills the weights, Xavier-uniform in the original code. `fuse`
    computes the same function with upsampling fused into the convolutions. Parameters at the paper's width: 4,304,387.
    """

    def __init__(
        self,
        size: int = 32,
        latent: int = 128,
        width: int = 64,
        classes: int = 10,
        init: Initializer = nn.init.xavier_uniform_,
        fuse: bool = False,
    ) -> None:
        super().__init__()
        start = layout_for("BigGANGenerator", _START, size)
        channels = 4 * width
        norm = partial(ConditionalBatchNorm2d, classes=classes)
        self.latent = latent
        self.classes = classes
        self.linear = nn.Linear(latent, channels * start**2)
        self.unflatten = nn.Unflatten(1, (channels, start, start))
        self.blocks = nn.ModuleList(GeneratorBlock(channels, channels, norm, fuse=fuse) for _ in range(3))
        self.output = nn.Sequential(
            nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, 3, 3, padding=1), nn.Tanh()
        )
        initialize(self, init)
        add_spectral_norm(self, nn.Conv2d, nn.Linear, eps=_SPECTRAL_NORM_EPS)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """Latents (N, latent) and labels (N,) int64 to images (N, 3, size, size) in [-1, 1]."""
        h = self.unflatten(self.linear(z))
        for block in self.blocks:
            h = block(h, y)
        images: Tensor = self.output(h)
        return images


class BigGANDiscriminator(nn.Module):
    """D_y(x) = wᵀh + b + ⟨e_y, h⟩, where h is the sum over all pixels of φ(residual blocks of x).

    Every map has 4 · `width` channels, width 64 in the paper. `activation` φ is ReLU in the paper. Under gradient
    normalization no weight is spectrally normalized; `spectral_norm` does it to all of them, the embedding too, as
    the BigGAN baseline has it. `init` as in the generator. `fuse` computes the same function with average pooling
    fused into the convolutions. Parameters at the paper's width: 4,207,361.
    """

    def __init__(
        self,
        size: int = 32,
        width: int = 64,
        classes: int = 10,
        activation: Activation = nn.ReLU,
        init: Initializer = nn.init.xavier_uniform_,
        spectral_norm: bool = False,
        fuse: bool = False,
    ) -> None:
        super().__init__()
        layout_for("BigGANDiscriminator", _START, size)
        channels = 4 * width
        self.classes = classes
        self.blocks = nn.Sequential(
            FirstDiscriminatorBlock(channels, activation, fuse=fuse),
            DiscriminatorBlock(channels, channels, activation, down=True, fuse=fuse),
            DiscriminatorBlock(channels, channels, activation, down=False),
            DiscriminatorBlock(channels, channels, activation, down=False),
        )
        self.activation = activation()
        self.head = nn.Linear(channels, 1)
        self.embedding = nn.Embedding(classes, channels)
        initialize(self, init)
        if spectral_norm:
            add_spectral_norm(self, nn.Conv2d, nn.Linear, nn.Embedding, eps=_SPECTRAL_NORM_EPS)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Images (N, 3, size, size) in [-1, 1] and labels (N,) int64 to scores (N, 1)."""
        h = self.activation(self.blocks(x)).sum((2, 3))
        scores: Tensor = self.head(h) + (self.embedding(y) * h).sum(1, keepdim=True)
        return scores
