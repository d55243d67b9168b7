"""The mean of a kernel's shifts against PyTorch's pooling, and against what it is for; sums of integers are exact."""

import pytest
import torch
import torch.nn.functional as F

from gnref.shifts import mean_of_shifts, mean_of_shifts_transposed


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (2, 5)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_mean_of_shifts(size: tuple[int, int], layout: torch.memory_format) -> None:
    kernel = torch.randint(-8, 9, (4, 3, *size)).float().contiguous(memory_format=layout).requires_grad_()
    expected = F.avg_pool2d(kernel, 2, stride=1, padding=1)
    found = mean_of_shifts(kernel.detach())
    assert torch.equal(found, expected)
    assert found.is_contiguous(memory_format=layout) or size == (1, 1)  # whose format is either
    images = torch.randint(-8, 9, (2, 3, 12, 14)).float()
    assert torch.equal(F.conv2d(images, found, stride=2), F.avg_pool2d(F.conv2d(images, kernel), 2))
    gradient = torch.randint(-8, 9, expected.shape).float().contiguous(memory_format=layout)
    (through,) = torch.autograd.grad(expected, kernel, gradient)
    assert torch.equal(mean_of_shifts_transposed(gradient), through)
