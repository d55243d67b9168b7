"""The residual networks of SN-GAN with the paper's changes, for 32, 48, 128 and 256 pixels [GN, appendix D].

Against SN-GAN: global average instead of sum pooling at the end and Kaiming-normal weights (the appendix says so);
discriminator blocks are as wide inside as their output, and the one for 48 pixels ends at 512 channels (the original
code's, which its scores are from; the appendix is silent).
"""

from itertools import pairwise

from torch import Tensor, nn

from gnref.networks.layers import (
    Activation,
    DiscriminatorBlock,
    FirstDiscriminatorBlock,
    GeneratorBlock,
    initialize,
    layout_for,
)
from gnref.networks.spectral import add_spectral_norm

# By image size: pixels of the first map, then channels, in units of `width`, of the first map and after every block.
_GENERATOR = {
    32: (4, (4, 4, 4, 4)),
    48: (6, (8, 4, 2, 1)),
    128: (4, (16, 16, 8, 4, 2, 1)),
    256: (4, (16, 16, 8, 8, 4, 2, 1)),
    16: (4, (4, 4, 4)),  # ours, for the small experiments
}

# By image size: channels, in units of `width`, after every block; how many of the blocks, from the first, halve.
_DISCRIMINATOR = {
    32: ((2, 2, 2, 2), 2),
    48: ((1, 2, 4, 8), 4),
    128: ((1, 2, 4, 8, 16, 16), 5),
    256: ((1, 2, 4, 8, 8, 16, 16), 6),
    16: ((2, 2, 2, 2), 2),  # ours, for the small experiments
}


class ResNetGenerator(nn.Module):
    """z ↦ linear, residual blocks that double the size, batch norm, ReLU, conv 3×3, tanh.

    Every channel count is a multiple of `width`, 64 in the paper. `fuse` computes the same function with upsampling
    fused into the convolutions; parameters and state dict do not change. Parameters at the paper's width: 4,276,739
    at 32 pixels, 4,878,083 at 48, 32,150,787 at 128, 37,135,107 at 256.
    """

    def __init__(self, size: int = 32, latent: int = 128, width: int = 64, fuse: bool = False) -> None:
        super().__init__()
        start, multiples = layout_for("ResNetGenerator", _GENERATOR, size)
        channels = [multiple * width for multiple in multiples]
        self.latent = latent
        self.linear = nn.Linear(latent, channels[0] * start**2)
        self.unflatten = nn.Unflatten(1, (channels[0], start, start))
        self.blocks = nn.Sequential(
            *(GeneratorBlock(before, after, nn.BatchNorm2d, fuse=fuse) for before, after in pairwise(channels))
        )
        self.output = nn.Sequential(
            nn.BatchNorm2d(channels[-1]), nn.ReLU(), nn.Conv2d(channels[-1], 3, 3, padding=1), nn.Tanh()
        )
        initialize(self, nn.init.kaiming_normal_)

    def forward(self, z: Tensor) -> Tensor:
        """Latents (N, latent) to images (N, 3, size, size) in [-1, 1]."""
        images: Tensor = self.output(self.blocks(self.unflatten(self.linear(z))))
        return images


class ResNetDiscriminator(nn.Module):
    """x ↦ residual blocks, φ, global average pooling, linear layer.

    Every channel count is a multiple of `width`, 64 in the paper. `activation` φ is ReLU in the paper.
    `spectral_norm` divides every weight by its spectral norm (SN-GAN). `fuse` computes the same function with average
    pooling fused into the convolutions; parameters and state dict do not change. Parameters at the paper's width:
    1,053,825 at 32 pixels, 4,859,073 at 48, 38,419,137 at 128, 43,401,409 at 256.
    """

    def __init__(
        self,
        size: int = 32,
        width: int = 64,
        activation: Activation = nn.ReLU,
        spectral_norm: bool = False,
        fuse: bool = False,
    ) -> None:
        super().__init__()
        multiples, halvings = layout_for("ResNetDiscriminator", _DISCRIMINATOR, size)
        channels = [multiple * width for multiple in multiples]
        self.blocks = nn.Sequential(FirstDiscriminatorBlock(channels[0], activation, fuse=fuse))
        for index in range(1, len(channels)):
            down = index < halvings
            self.blocks.append(
                DiscriminatorBlock(channels[index - 1], channels[index], activation, down=down, fuse=fuse)
            )
        self.activation = activation()
        self.head = nn.Linear(channels[-1], 1)
        initialize(self, nn.init.kaiming_normal_)
        if spectral_norm:
            add_spectral_norm(self, nn.Conv2d, nn.Linear)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 3, size, size) in [-1, 1] to scores (N, 1)."""
        scores: Tensor = self.head(self.activation(self.blocks(x)).mean((2, 3)))
        return scores
