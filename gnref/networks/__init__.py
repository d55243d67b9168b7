"""The paper's generators and discriminators.

A generator maps latents (N, latent) to images (N, 3, size, size), a discriminator images to scores (N, 1); the
conditional ones take labels (N,) as a second argument. `width` scales every channel count and defaults to the
paper's.
"""

from gnref.networks.biggan import BigGANDiscriminator, BigGANGenerator
from gnref.networks.cnn import CNNDiscriminator, CNNGenerator
from gnref.networks.layers import Activation, Initializer, normal_init
from gnref.networks.mlp import MLPDiscriminator
from gnref.networks.points import PointDiscriminator, PointGenerator
from gnref.networks.resnet import ResNetDiscriminator, ResNetGenerator
from gnref.networks.stylegan import StyleGANDiscriminator, StyleGANGenerator, fade_reals

__all__ = [
    "Activation",
    "BigGANDiscriminator",
    "BigGANGenerator",
    "CNNDiscriminator",
    "CNNGenerator",
    "Initializer",
    "MLPDiscriminator",
    "PointDiscriminator",
    "PointGenerator",
    "ResNetDiscriminator",
    "ResNetGenerator",
    "StyleGANDiscriminator",
    "StyleGANGenerator",
    "fade_reals",
    "normal_init",
]
