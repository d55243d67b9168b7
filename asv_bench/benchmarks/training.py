"""Counted figures of the trainer's whole step: five updates of D, one of G, one of its average, at the paper's size.

On the meta device: no noise, the same on every machine. Commits whose trainer cannot run there give n/a.
"""

import torch

try:
    from gnref.data.images import ImageSet
    from gnref.measure import count
    from gnref.training.distributed import Processes
    from gnref.training.experiments import EXPERIMENTS
    from gnref.training.trainer import Trainer
except ImportError:
    Trainer = None


class Step:
    """Products, launches and memory of `Trainer.step`."""

    params = [
        [
            "cifar10-resnet-vanilla",
            "cifar10-resnet-sn",
            "cifar10-resnet-1-gp",
            "cifar10-resnet-gn",
            "cifar10-resnet-gn-cr",
            "cifar10-biggan-gn",
        ]
    ]
    param_names = ["experiment"]
    version = "1"

    def setup(self, experiment):
        if Trainer is None:
            raise NotImplementedError
        e = EXPERIMENTS[experiment]
        images = torch.zeros(100, 3, e.size, e.size, dtype=torch.uint8)
        labels = torch.arange(100) % 10 if e.classes else None
        trainer = Trainer(e, ImageSet(images, labels), processes=Processes(torch.device("meta")))
        try:
            trainer.step()
        except RuntimeError as error:
            raise NotImplementedError from error
        self.counted = count(trainer.step)

    def track_gflop(self, experiment):
        return self.counted.flops / 1e9

    def track_launches(self, experiment):
        return self.counted.launches

    def track_peak_megabytes(self, experiment):
        return self.counted.peak_bytes / 1e6

    track_gflop.unit = "GFLOP"
    track_launches.unit = "ATen calls"
    track_peak_megabytes.unit = "MB"
