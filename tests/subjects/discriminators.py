"""Twelve small discriminators in the styles of public GAN code, with what a diagnosis should say of each."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm


class Scalar(nn.Module):
    """(N, C, ...) to one score: flatten, linear."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.flatten(1))


def dcgan() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 6, 4, 2, 1, bias=False),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(6, 8, 4, 2, 1, bias=False),
        nn.BatchNorm2d(8),
        nn.LeakyReLU(0.2, inplace=True),
        Scalar(8 * 16),
    )


def patchgan() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 6, 4, 2, 1),
        nn.LeakyReLU(0.2, True),
        nn.Conv2d(6, 8, 4, 2, 1),
        nn.InstanceNorm2d(8),
        nn.LeakyReLU(0.2, True),
        nn.Conv2d(8, 1, 4, 1, 1),
    )


class MinibatchStd(nn.Module):
    """One more channel: the standard deviation over the group, averaged over everything else."""

    def forward(self, x: Tensor) -> Tensor:
        deviation = (x.var(dim=0, unbiased=False) + 1e-8).sqrt().mean()
        return torch.cat([x, deviation.expand(len(x), 1, *x.shape[2:])], dim=1)


class StyleGAN2Like(nn.Module):
    def __init__(self, minibatch_std: bool = True) -> None:
        super().__init__()
        self.from_rgb = nn.Conv2d(3, 6, 1)
        self.conv = nn.Conv2d(6, 6, 3, padding=1)
        self.skip = nn.Conv2d(6, 6, 1, bias=False)
        self.act = nn.LeakyReLU(0.2)
        self.down = nn.AvgPool2d(2)
        self.stddev = MinibatchStd() if minibatch_std else nn.Identity()
        self.last = nn.Conv2d(7 if minibatch_std else 6, 6, 3, padding=1)
        self.out = Scalar(6 * 16)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.from_rgb(x))
        x = (self.down(self.act(self.conv(x))) + self.down(self.skip(x))) * 2**-0.5
        x = self.stddev(self.down(x))
        return self.out(self.act(self.last(x)))


class UNet(nn.Module):
    """One score an image and one a pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.down1, self.down2 = nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(4, 6, 3, 2, 1)
        self.up1, self.up2 = nn.Conv2d(6, 4, 3, 1, 1), nn.Conv2d(8, 4, 3, 1, 1)
        self.head, self.dense = nn.Linear(6, 1), nn.Conv2d(4, 1, 1)
        self.act, self.up = nn.ReLU(), nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        one = self.act(self.down1(x))
        two = self.act(self.down2(one))
        up = self.act(self.up1(self.up(two)))
        up = self.act(self.up2(self.up(torch.cat([up, one], dim=1))))
        return self.head(two.mean((2, 3))), self.dense(up)


class MultiScale(nn.Module):
    """The same kind of network on the image and on its halves; a list of scores."""

    def __init__(self) -> None:
        super().__init__()
        self.scales = nn.ModuleList(
            nn.Sequential(nn.Conv2d(3, 6, 4, 2, 1), nn.LeakyReLU(0.2), nn.AdaptiveAvgPool2d(2), Scalar(24))
            for _ in range(3)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        scores = []
        for scale in self.scales:
            scores.append(scale(x))
            x = nn.functional.avg_pool2d(x, 2)
        return scores


def audio() -> nn.Module:
    return nn.Sequential(
        weight_norm(nn.Conv1d(1, 6, 9, 4, 4)),
        nn.LeakyReLU(0.1),
        weight_norm(nn.Conv1d(6, 8, 9, 4, 4, groups=2)),
        nn.LeakyReLU(0.1),
        weight_norm(nn.Conv1d(8, 1, 3, 1, 1)),
    )


def volume() -> nn.Module:
    return nn.Sequential(
        nn.Conv3d(1, 6, 4, 2, 1), nn.ReLU(), nn.Conv3d(6, 6, 3, 1, 1), nn.ReLU(), nn.MaxPool3d(2), Scalar(48)
    )


def spectral() -> nn.Module:
    return nn.Sequential(
        spectral_norm(nn.Conv2d(3, 6, 3, 1, 1)),
        nn.LeakyReLU(0.1),
        spectral_norm(nn.Conv2d(6, 8, 4, 2, 1)),
        nn.LeakyReLU(0.1),
        nn.Dropout(0.2),
        Scalar(8 * 64),
    )


class SelfAttention(nn.Module):
    """Over all positions, behind a gate that starts at 0."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query, self.key = nn.Conv1d(channels, 2, 1), nn.Conv1d(channels, 2, 1)
        self.value = nn.Conv1d(channels, channels, 1)
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(2)
        weights = (self.query(flat).transpose(1, 2) @ self.key(flat)).softmax(dim=-1)
        return x + self.gamma * (self.value(flat) @ weights.transpose(1, 2)).view_as(x)


def attention() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 6, 4, 2, 1), nn.ReLU(), SelfAttention(6), nn.Conv2d(6, 8, 4, 2, 1), nn.ReLU(), Scalar(128)
    )


class Projection(nn.Module):
    def __init__(self, classes: int = 5) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 4, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 1, 1), nn.ReLU())
        self.linear, self.embedding = nn.Linear(8, 1), nn.Embedding(classes, 8)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        h = self.features(x).sum((2, 3))
        return self.linear(h) + (self.embedding(y) * h).sum(1, keepdim=True)


def softplus_mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(10, 16), nn.Softplus(), nn.Linear(16, 16), nn.Softplus(), nn.Linear(16, 1))


def group_norm() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 4, 2, 1), nn.GroupNorm(2, 8), nn.ReLU(), nn.Conv2d(8, 8, 4, 2, 1), nn.ReLU(), Scalar(128)
    )


@dataclass(frozen=True)
class Style:
    """One discriminator: how to build it, what it takes, and what is wrong with it."""

    build: Callable[[], nn.Module]
    shape: tuple[int, ...] = (3, 16, 16)
    classes: int = 0
    curved: tuple[str, ...] = ()
    """The modules that are not piecewise linear."""
    coupled: tuple[str, ...] = ()
    """The modules that couple samples."""
    maps: bool = False
    repeatable: bool = True
    rebuilt: Callable[[], nn.Module] | None = None
    """With the remedy followed, where it takes more than exchanging a module."""


STYLES: dict[str, Style] = {
    "DCGAN with batch norm": Style(dcgan, curved=("3",), coupled=("3",)),
    "PatchGAN with instance norm": Style(patchgan, curved=("3",), maps=True),
    "StyleGAN2-like with minibatch std": Style(
        StyleGAN2Like, curved=("stddev",), coupled=("stddev",), rebuilt=lambda: StyleGAN2Like(minibatch_std=False)
    ),
    "U-Net with a dense head": Style(UNet, maps=True),
    "multi-scale": Style(MultiScale),
    "weight-normalized audio": Style(audio, shape=(1, 256), maps=True),
    "3-D convolution": Style(volume, shape=(1, 8, 8, 8)),
    "spectral norm and dropout": Style(spectral, repeatable=False),
    "self-attention": Style(attention, curved=("2",)),
    "projection": Style(Projection, classes=5),
    "softplus MLP": Style(softplus_mlp, shape=(10,), curved=("1", "3")),
    "GroupNorm": Style(group_norm, curved=("1",)),
}
