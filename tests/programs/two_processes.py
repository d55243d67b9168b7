"""Train every method in the processes that torchrun started, and in one process on the joined batch; compare.

`torchrun --nproc-per-node 2 tests/programs/two_processes.py` prints one JSON line: by method, whether the
weights equal to the bit those of one process that computes the batch in as many parts, and the largest ‖g - g'‖ / ‖g'‖
over the gradients against those of one process that computes it at once.
G's batch norm is in evaluation mode, where it couples nothing.
"""

import json

import torch

from gnref.data.images import ImageSet
from gnref.data.shapes import shapes
from gnref.training.distributed import Processes, joined
from gnref.training.execution import Execution
from gnref.training.experiment import Experiment
from gnref.training.experiments import EXPERIMENTS, METHODS
from gnref.training.trainer import Trainer

NAMES = (
    *(f"shapes16-cnn-{method}" for method in METHODS),
    "shapes16-resnet-sn-cr",
    "shapes16-resnet-gn-cr",
    "shapes16-resnet-1-gp",
    "shapes-biggan-gn-cr",
)
STEPS = 2


def trainer(e: Experiment, processes: Processes, parts: int) -> Trainer:
    data = ImageSet(*shapes(40, e.size))
    trainer = Trainer(e, data, seed=1, processes=processes, execution=Execution(accumulate=parts))
    trainer.generator.eval()
    return trainer


def gradients(e: Experiment, processes: Processes) -> list[torch.Tensor]:
    """D's and G's, each as one vector, after a step whose learning rates are too small to change a weight."""
    still = trainer(e.changed(lr_generator=1e-30, lr_discriminator=1e-30), processes, 1)
    still.step()
    return [
        torch.cat([p.grad.flatten() for p in network.parameters()])
        for network in (still.discriminator, still.generator)
    ]


def weights(e: Experiment, processes: Processes, parts: int) -> list[torch.Tensor]:
    trained = trainer(e, processes, parts)
    for _ in range(STEPS):
        trained.step()
    return [*trained.generator.parameters(), *trained.discriminator.parameters()]


def main() -> None:
    torch.set_num_threads(1)
    result = {}
    with joined("cpu") as processes:
        alone = Processes(torch.device("cpu"))
        for name in NAMES:
            small = {"width": 1, "latent": 4, "batch": 8, "generator_batch": 8, "n_dis": 2}
            e = EXPERIMENTS[name].changed(**small)
            together, apart = weights(e, processes, 1), weights(e, alone, processes.count)
            equal = all(torch.equal(a, b) for a, b in zip(together, apart, strict=True))
            once = e.changed(n_dis=1)
            pairs = zip(gradients(once, processes), gradients(once, alone), strict=True)
            result[name] = equal, max(float((a - b).norm() / b.norm()) for a, b in pairs)
        if processes.first:
            print(json.dumps(result))


if __name__ == "__main__":
    main()
