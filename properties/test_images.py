"""The definition on images, where f and ∇ₓf are exact: every layout and rank, 130 samples, f = 0, |f| far above g."""

import pytest
import torch
from hypothesis import given

from gnref.laws import images
from gnref.strategies import image_cases

LAWS = [
    images.image_value,
    images.image_parameter_gradient,
    images.image_parameter_gradient_far_from_zero,
    images.image_input_gradient,
    images.image_batch_is_stack,
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("law", LAWS, ids=str)
@given(case=image_cases())
def test_images(law, dtype, device, method, case, judged):
    """Drawn networks."""
    judged(law, case.to(dtype, device), method)


@pytest.mark.parametrize("law", [*LAWS, images.more_than_a_hundred_images, images.rows_and_volumes], ids=str)
def test_images_of_every_kind(law, device, method, judged):
    """Fixed networks, 130 images among them, and x of other ranks."""
    for case in law.examples(device):
        judged(law, case, method)
