"""Which discriminators of appendix D are piecewise linear and treat samples one by one, at small widths."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gnref.laws.law import law_of_f
from gnref.networks import BigGANDiscriminator, CNNDiscriminator, ResNetDiscriminator, StyleGANDiscriminator
from gnref.operations import NotExact
from gnref.replay import plan


@dataclass(frozen=True)
class Network:
    """A discriminator of the paper's, with one input, and the labels it takes."""

    name: str
    build: Callable[[], nn.Module]
    size: int = 32
    labelled: bool = False


def plain_networks() -> Iterator[Network]:
    """Those without statistics of a batch."""
    yield Network("standard CNN", lambda: CNNDiscriminator(size=32, width=4))
    yield Network("ResNet 32", lambda: ResNetDiscriminator(size=32, width=4))
    yield Network("ResNet 48", lambda: ResNetDiscriminator(size=48, width=4), 48)
    yield Network("ResNet 32 with spectral norm", lambda: ResNetDiscriminator(size=32, width=4, spectral_norm=True))
    yield Network("BigGAN", lambda: BigGANDiscriminator(size=32, width=4), labelled=True)
    yield Network("StyleGAN", lambda: StyleGANDiscriminator(size=16, width=1), 16)


MINIBATCH = Network("StyleGAN as published", lambda: StyleGANDiscriminator(16, 1, minibatch_stddev=True), 16)


def _affine_along_a_short_line(case: Network, module: nn.Module, x: Tensor, labels: tuple[Tensor, ...]) -> None:
    """f(x + hd) - 2 f(x) + f(x - hd) = 0 for small h: where none of three points is across a kink of the others."""
    generator = torch.Generator().manual_seed(1)
    direction = torch.randn(x.shape, generator=generator, dtype=torch.float64)
    step = 2.0**-26
    with torch.no_grad():
        ahead, here, behind = (module(x + s * step * direction, *labels) for s in (1, 0, -1))
    bend = float((ahead - 2 * here + behind).abs().max() / step)
    if bend > 1e-4 * float((ahead - behind).abs().max() / step):
        raise AssertionError(f"{case.name}: f is affine on a short line: it bends by {bend} a unit")


@law_of_f("discriminators-piecewise-linear", evidence="count", fixed=plain_networks)
def plain_networks_are_piecewise_linear(case: Network) -> float:
    """Every operation of D is piecewise linear and per sample, and other mates leave a sample's score as it is.

    By the record of the operations that ran, and by numbers: the score of a sample in another batch is bitwise the same
    in float64 but for the order of a matrix product's sums, 2^-40 of it.
    """
    module, x, labels = _built(case)
    x = x.requires_grad_()
    try:
        plan(module(x, *labels).reshape(len(x)), x)
    except NotExact as reason:
        raise AssertionError(f"{case.name} is piecewise linear, sample by sample: {reason}") from None
    _affine_along_a_short_line(case, module, x.detach(), labels)
    return _uncoupled(case, module, x.detach(), labels)


@law_of_f("minibatch-statistics", evidence="count", refuted=True)
def minibatch_statistics_leave_samples_alone(case: Network) -> float:
    """Exchanging a sample's mates leaves its score as it is, with minibatch standard deviation."""
    return _uncoupled(case, *_built(case))


def _built(case: Network) -> tuple[nn.Module, Tensor, tuple[Tensor, ...]]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = case.build().double().eval()
        x = torch.randn(4, 3, case.size, case.size, dtype=torch.float64)
    return module, x, (torch.arange(4),) if case.labelled else ()


def _uncoupled(case: Network, module: nn.Module, x: Tensor, labels: tuple[Tensor, ...]) -> float:
    with torch.no_grad():
        before = module(x, *labels)[0]
        after = module(torch.cat([x[:1], 2 * x[1:]]), *labels)[0]
    moved = float((after - before).abs().max())
    if moved > 2.0**-40 * float(before.abs().max()):
        raise AssertionError(f"{case.name}: a sample's score is its own: with other mates it changes by {moved}")
    return 0.0
