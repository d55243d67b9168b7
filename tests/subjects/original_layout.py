"""Stand-ins for the original code's modules: the same layers under the same names, from the layer tables.

They exist to be loaded and compared; `width` is the unit of every channel count, 64 in the paper.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import spectral_norm

from gnref.training.experiment import Experiment


class Residual(nn.Module):
    """`residual` of the input plus `shortcut` of it."""

    def __init__(self, residual: list[nn.Module], shortcut: list[nn.Module]) -> None:
        super().__init__()
        self.residual, self.shortcut = nn.Sequential(*residual), nn.Sequential(*shortcut)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.residual(x) + self.shortcut(x)
        return result


def conv(before: int, after: int, kernel: int = 3) -> nn.Conv2d:
    return nn.Conv2d(before, after, kernel, padding=kernel // 2)


def up(c: int) -> Residual:
    first = [nn.BatchNorm2d(c), nn.ReLU(), nn.Upsample(scale_factor=2), conv(c, c)]
    return Residual([*first, nn.BatchNorm2d(c), nn.ReLU(), conv(c, c)], [nn.Upsample(scale_factor=2), conv(c, c, 1)])


def down_blocks(c: int) -> list[nn.Module]:
    pool = nn.AvgPool2d(2)
    first = Residual([conv(3, c), nn.ReLU(), conv(c, c), pool], [pool, conv(3, c, 1)])
    inner = [[nn.ReLU(), conv(c, c), nn.ReLU(), conv(c, c)] for _ in range(3)]
    return [first, Residual([*inner[0], pool], [conv(c, c, 1), pool]), Residual(inner[1], []), Residual(inner[2], [])]


class CNNGenerator(nn.Module):
    def __init__(self, latent: int, w: int) -> None:
        super().__init__()
        self.linear = nn.Linear(latent, 16 * 8 * w)
        layers: list[nn.Module] = [nn.BatchNorm2d(8 * w), nn.ReLU()]
        for c in (4 * w, 2 * w, w):
            layers += [nn.ConvTranspose2d(2 * c, c, 4, 2, 1), nn.BatchNorm2d(c), nn.ReLU()]
        self.main = nn.Sequential(*layers, nn.ConvTranspose2d(w, 3, 3, 1, 1), nn.Tanh())

    def forward(self, z: Tensor) -> Tensor:
        images: Tensor = self.main(self.linear(z).view(len(z), -1, 4, 4))
        return images


class CNNDiscriminator(nn.Module):
    def __init__(self, w: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [conv(3, w), nn.LeakyReLU(0.1)]
        for c in (w, 2 * w, 4 * w):
            layers += [nn.Conv2d(c, 2 * c, 4, 2, 1), nn.LeakyReLU(0.1), conv(2 * c, 2 * c), nn.LeakyReLU(0.1)]
        self.main, self.linear = nn.Sequential(*layers), nn.Linear(16 * 8 * w, 1)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.linear(self.main(x).flatten(1))
        return scores


class ResNetGenerator(nn.Module):
    def __init__(self, latent: int, w: int) -> None:
        super().__init__()
        c = 4 * w
        self.linear = nn.Linear(latent, 16 * c)
        self.blocks = nn.Sequential(up(c), up(c), up(c))
        self.output = nn.Sequential(nn.BatchNorm2d(c), nn.ReLU(), conv(c, 3), nn.Tanh())

    def forward(self, z: Tensor) -> Tensor:
        images: Tensor = self.output(self.blocks(self.linear(z).view(len(z), -1, 4, 4)))
        return images


class ResNetDiscriminator(nn.Module):
    def __init__(self, w: int) -> None:
        super().__init__()
        self.model = nn.Sequential(*down_blocks(2 * w), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
        self.linear = nn.Linear(2 * w, 1)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.linear(self.model(x).flatten(1))
        return scores


def sn(layer: nn.Module) -> nn.Module:
    return spectral_norm(layer, eps=1e-6)


class ConditionalNorm(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.gain, self.bias = nn.Embedding(10, c), nn.Embedding(10, c)
        self.batchnorm2d = nn.BatchNorm2d(c, affine=False)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        gain, bias = (each(y)[:, :, None, None] for each in (self.gain, self.bias))
        normalized: Tensor = self.batchnorm2d(x) * (1 + gain) + bias
        return normalized


class BigGANBlock(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.bn1, self.bn2 = ConditionalNorm(c), ConditionalNorm(c)
        self.residual1 = nn.Sequential(nn.ReLU(), nn.Upsample(scale_factor=2), sn(conv(c, c)))
        self.residual2 = nn.Sequential(nn.ReLU(), sn(conv(c, c)))
        self.shortcut = nn.Sequential(nn.Upsample(scale_factor=2), sn(conv(c, c, 1)))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        result: Tensor = self.residual2(self.bn2(self.residual1(self.bn1(x, y)), y)) + self.shortcut(x)
        return result


class BigGANGenerator(nn.Module):
    def __init__(self, latent: int, w: int) -> None:
        super().__init__()
        c = 4 * w
        self.linear = sn(nn.Linear(latent, 16 * c))
        self.blocks = nn.ModuleList(BigGANBlock(c) for _ in range(3))
        self.output_layer = nn.Sequential(nn.BatchNorm2d(c), nn.ReLU(), sn(conv(c, 3)), nn.Tanh())

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        h = self.linear(z).view(len(z), -1, 4, 4)
        for block in self.blocks:
            h = block(h, y)
        images: Tensor = self.output_layer(h)
        return images


class BigGANDiscriminator(nn.Module):
    def __init__(self, w: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*down_blocks(4 * w), nn.ReLU())
        self.linear, self.embedding = nn.Linear(4 * w, 1), nn.Embedding(10, 4 * w)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        h = self.blocks(x).sum((2, 3))
        scores: Tensor = self.linear(h) + (self.embedding(y) * h).sum(1, keepdim=True)
        return scores


def generator(e: Experiment) -> nn.Module:
    kinds = {"cnn": CNNGenerator, "resnet": ResNetGenerator, "biggan": BigGANGenerator}
    return _disturbed(kinds[e.architecture](e.latent, e.width))


def discriminator(e: Experiment) -> nn.Module:
    kinds = {"cnn": CNNDiscriminator, "resnet": ResNetDiscriminator, "biggan": BigGANDiscriminator}
    return _disturbed(kinds[e.architecture](e.width))


def _disturbed(network: nn.Module) -> nn.Module:
    """With running averages that are not those of a network that never ran."""
    for name, buffer in network.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            buffer.copy_(torch.rand_like(buffer) + 0.5)
        if name.endswith("_u"):
            buffer.copy_(F.normalize(torch.rand_like(buffer), dim=0))
    return network
