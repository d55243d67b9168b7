"""Regions carried from kink to kink are the regions computed afresh, whatever the discriminator is made of."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from gnref.certificates import Walk
from gnref.certificates.patches import Convolution
from gnref.certificates.record import Recorder
from gnref.certificates.region import Region


class Residual(nn.Module):
    """A branch and a shortcut, in place and by a mask."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)
        self.shortcut, self.head = nn.Conv2d(3, 6, 1, stride=2), nn.Linear(6, 1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        h = nn.functional.avg_pool2d(self.second(self.relu(self.first(x))), 2)
        h += self.shortcut(x)
        h = h * (h > 0.125).to(h.dtype) + torch.where(h > 0.125, 0.0, 0.125)
        return self.head(h.amax((2, 3)) + h.mean((2, 3)))


def wide() -> nn.Module:
    """Maps of 32 x 32, on which one unit's kink is a patch; strides, groups, two convolutions with nothing between."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1), nn.LeakyReLU(0.2),
        nn.Conv2d(4, 4, 5, padding=1, groups=2), nn.ReLU(),
        nn.Conv2d(4, 6, 4, stride=2, padding=1), nn.ReLU(), nn.Conv2d(6, 1, 3, stride=3), nn.Flatten(),
        nn.Linear(25, 1),
    )  # fmt: skip


@pytest.mark.parametrize(("build", "size", "regions"), [(Residual, 8, 400), (wide, 32, 60)])
def test_carried_regions_are_those_computed_afresh(build: Callable[[], nn.Module], size: int, regions: int) -> None:
    """Sums over a few hundred terms of size 1, carried over at most 60 kinks: 2^-36 is a hundred thousand roundings.

    A region shorter than the step of 2^-36 is stepped over, and f is off by the step times the change of its slope.
    """
    torch.manual_seed(0)
    module = build().double()
    p, q = torch.randn(2, 3, size, size, dtype=torch.float64)
    region = Region(module, p, q, 2.0**-20)
    for _ in range(60):
        if region.before > -(2.0**-36) * 0.99:
            region = Region(module, p, q, region.t)
        fresh = Region(module, p, q, region.t)
        assert abs(region.f - fresh.f) < 2.0**-36
        assert abs(region.slope - fresh.slope) < 2.0**-36
        assert (region.gradient - fresh.gradient).abs().max() < 2.0**-36
        assert region.after == pytest.approx(fresh.after, abs=2.0**-40)
        region.cross(2.0**-36)
    walk = Walk.of(module, p, q, regions)
    assert len(walk) == regions or walk.complete
    assert walk.residual() < 2.0**-36


@pytest.mark.parametrize("geometry", [(3, 1, 1, 1), (4, 2, 1, 1), (5, 1, 1, 2), (3, 3, 0, 1), (1, 2, 0, 1)])
@pytest.mark.parametrize("box", [(5, 6, 9, 10), (0, 3, 0, 2), (29, 32, 30, 32), (7, 14, 3, 8)])
def test_a_patch_is_convolved_as_the_whole_map_is(
    geometry: tuple[int, int, int, int], box: tuple[int, int, int, int]
) -> None:
    kernel, stride, padding, groups = geometry
    generator = torch.Generator().manual_seed(0)

    def integers(*shape: int) -> Tensor:
        return torch.randint(-4, 5, shape, generator=generator).double()

    weight, x = integers(6, 4 // groups, kernel, kernel), integers(1, 4, 32, 32).requires_grad_()
    with Recorder(x) as recorder:
        out = torch.conv2d(x, weight, None, stride, padding, 1, groups)
    convolution = Convolution.of(recorder.operations[0])
    assert convolution is not None
    change = torch.zeros_like(x)
    change[:, :, box[0] : box[1], box[2] : box[3]] = integers(1, 4, box[1] - box[0], box[3] - box[2])
    got = out.clone()
    assert convolution.add(got, change)
    assert torch.equal(got, torch.conv2d(x + change, weight, None, stride, padding, 1, groups))

    whole = torch.conv2d(x, weight, None, stride, padding, 1, groups)
    rows, columns = (slice(box[i] // stride // 2, box[i] // stride // 2 + 2) for i in (0, 2))
    cotangent = torch.zeros_like(whole)
    cotangent[:, :, rows, columns] = integers(*cotangent[:, :, rows, columns].shape)
    (expected,) = torch.autograd.grad(whole, x, cotangent)
    got = torch.zeros_like(x)
    if whole.shape[2] * whole.shape[3] >= 256:
        assert convolution.add_transposed(got, cotangent)
        assert torch.equal(got, expected)
