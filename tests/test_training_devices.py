"""A training step computes on its device alone: on the meta device, where mixing devices or waiting for one raises."""

import pytest
import torch

from gnref.data.images import ImageSet
from gnref.data.load import load
from gnref.training.distributed import Processes
from gnref.training.experiments import EXPERIMENTS
from gnref.training.trainer import Trainer

CHOSEN = [
    name
    for name in EXPERIMENTS
    if name.startswith(("shapes16-resnet-", "shapes-stylegan-", "ring-mlp-"))
    or name in ("cifar10-biggan-gn-cr", "cifar10-cnn-gn-elu", "cifar10-cnn-gn-cr-original")
]


@pytest.mark.parametrize("name", CHOSEN)
def test_a_step_mixes_no_devices_and_waits_for_none(name: str) -> None:
    """Meta tensors have no values, so that reading one raises, as does an operation with a tensor of the CPU."""
    e = EXPERIMENTS[name]
    labels = torch.arange(20) % e.classes if e.classes else None
    images = ImageSet(torch.zeros(20, 3, e.size, e.size, dtype=torch.uint8), labels)
    data = load(e.dataset, None, e.size, "cpu") if e.architecture == "mlp" else images
    trainer = Trainer(e, data, processes=Processes(torch.device("meta")))
    for _ in range(2):
        trainer.step()
    assert all(parameter.is_meta for parameter in trainer.discriminator.parameters())
