"""The standard CNN of SN-GAN, for CIFAR-10 at 32 pixels and STL-10 at 48 [GN, appendix D]."""

from functools import partial

from torch import Tensor, nn

from gnref.networks.layers import Activation, Initializer, initialize, layout_for
from gnref.networks.spectral import add_spectral_norm

leaky_relu: Activation = partial(nn.LeakyReLU, 0.1)
"""The standard CNN's activation."""

# Pixels of the smallest feature map, by image size; 16 is ours, for the small experiments.
_SMALLEST = {32: 4, 48: 6, 16: 2}


class CNNGenerator(nn.Module):
    """z ↦ linear, three times (batch norm, ReLU, transposed conv 4×4 of stride 2), batch norm, ReLU, conv 3×3, tanh.

    Channels are 8w, 4w, 2w, w for `width` w, 64 in the paper. `init` fills the weights of convolutions and linear
    layers, Kaiming normal in the appendix; biases start at 0. Parameters at the paper's width: 3,813,379 at 32
    pixels, 5,134,339 at 48.
    """

    def __init__(
        self, size: int = 32, latent: int = 128, width: int = 64, init: Initializer = nn.init.kaiming_normal_
    ) -> None:
        super().__init__()
        smallest = layout_for("CNNGenerator", _SMALLEST, size)
        self.latent = latent
        self.linear = nn.Linear(latent, 8 * width * smallest**2)
        self.unflatten = nn.Unflatten(1, (8 * width, smallest, smallest))
        self.layers = nn.Sequential(nn.BatchNorm2d(8 * width), nn.ReLU())
        for channels in (4 * width, 2 * width, width):
            self.layers.append(nn.ConvTranspose2d(2 * channels, channels, 4, stride=2, padding=1))
            self.layers.append(nn.BatchNorm2d(channels))
            self.layers.append(nn.ReLU())
        # The original transposes this one too. At stride 1 that is a convolution with the kernel flipped; written as
        # one, its fan-in is what Kaiming's rule means, and tanh is not saturated at the start.
        self.layers.append(nn.Conv2d(width, 3, 3, padding=1))
        self.layers.append(nn.Tanh())
        initialize(self, init)

    def forward(self, z: Tensor) -> Tensor:
        """Latents (N, latent) to images (N, 3, size, size) in [-1, 1]."""
        images: Tensor = self.layers(self.unflatten(self.linear(z)))
        return images


class CNNDiscriminator(nn.Module):
    """Seven convolutions, 3×3 and 4×4 of stride 2 by turns, each followed by φ; then a linear layer.

    Channels are w, 2w, 2w, 4w, 4w, 8w, 8w for `width` w, 64 in the paper. `activation` φ is LeakyReLU(0.1) in the
    paper. `init` as in the generator. `spectral_norm` divides every weight by its spectral norm (SN-GAN). Parameters
    at the paper's width: 5,860,865 at 32 pixels, 5,871,105 at 48.
    """

    def __init__(
        self,
        size: int = 32,
        width: int = 64,
        activation: Activation = leaky_relu,
        init: Initializer = nn.init.kaiming_normal_,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        smallest = layout_for("CNNDiscriminator", _SMALLEST, size)
        self.layers = nn.Sequential(nn.Conv2d(3, width, 3, padding=1), activation())
        for channels in (width, 2 * width, 4 * width):
            self.layers.append(nn.Conv2d(channels, 2 * channels, 4, stride=2, padding=1))
            self.layers.append(activation())
            self.layers.append(nn.Conv2d(2 * channels, 2 * channels, 3, padding=1))
            self.layers.append(activation())
        self.head = nn.Linear(8 * width * smallest**2, 1)
        initialize(self, init)
        if spectral_norm:
            add_spectral_norm(self, nn.Conv2d, nn.Linear)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 3, size, size) in [-1, 1] to scores (N, 1)."""
        scores: Tensor = self.head(self.layers(x).flatten(1))
        return scores
