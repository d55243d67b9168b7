"""How much faster several processes train than one: the wall time of the same steps, alone and together, in turns.

`OMP_NUM_THREADS=1 torchrun --nproc-per-node 2 tests/programs/scaling.py cifar10-resnet-gn` prints one JSON line: the
ratio of each round, and their median. While the first process trains alone, the others wait and compute
nothing. The images are the embedded shapes; every core that a process computes on must be free.
"""

import json
import statistics
import sys
import time

import torch

from gnref.data.images import ImageSet
from gnref.data.shapes import shapes
from gnref.training.distributed import Processes, joined
from gnref.training.experiments import EXPERIMENTS
from gnref.training.trainer import Trainer

ROUNDS = 5


def seconds(trainer: Trainer) -> float:
    began = time.monotonic()
    trainer.step()
    return time.monotonic() - began


def main() -> None:
    name, settings = sys.argv[1], dict(each.split("=") for each in sys.argv[2:])
    torch.set_num_threads(1)
    with joined("cpu") as together:
        e = EXPERIMENTS[name].changed(**{key: int(value) for key, value in settings.items()})
        images, labels = shapes(1000, e.size)
        data = ImageSet(images, labels if e.classes else None)
        trainer = Trainer(e, data, processes=together)
        alone = Trainer(e, data, processes=Processes(torch.device("cpu")))
        ratios = []
        for round_number in range(ROUNDS + 1):  # the first only warms up
            one = seconds(alone) if together.first else 0.0
            together.wait()
            several = seconds(trainer)
            together.wait()
            if round_number:
                ratios.append(round(one / several, 3))
        if together.first:
            print(json.dumps({"experiment": name, **settings, "processes": together.count, "ratios": ratios,
                              "median": statistics.median(ratios)}))  # fmt: skip


if __name__ == "__main__":
    main()
