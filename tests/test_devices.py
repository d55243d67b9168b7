"""Devices by their names."""

import pytest
import torch

from gnref.devices import device_named
from gnref.errors import UserError


def test_devices_are_named_as_pytorch_does() -> None:
    assert device_named("cpu") == torch.device("cpu")
    assert device_named("meta", ("cpu", "meta")) == torch.device("meta")


@pytest.mark.parametrize(
    "name", ["", "tpu", "CPU", "cpu:7", "cpu:7x", "cuda:-1", "cuda:", "meta", "mps", "cuda:99", "cpu "]
)
def test_any_other_is_refused_in_one_sentence(name: str) -> None:
    with pytest.raises(UserError, match=r"expected a device among cpu, cuda|there is no device"):
        device_named(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused() -> None:
    with pytest.raises(UserError, match="there is no device cuda: PyTorch sees 0 GPUs here; say --device cpu"):
        device_named("cuda")
