"""Samples per second of the trainer against the sum of its parts, and against the method's original recipe.

`python tests/programs/naive_loop.py` trains ResNet-32 on one CPU thread and prints ratios of processor time, each the
minimum of several interleaved rounds. The original recipe, as plain PyTorch: a loader that serves n_dis
batches at a time, flips and shifts image by image, ‖∇f‖ differentiated by double backward. It is timed with its own
plain layout and, so that the layout's part is seen, with the trainer's fused, channels-last networks.
"""

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from gnref.data.images import ImageSet, to_unit
from gnref.data.shapes import shapes
from gnref.losses import hinge
from gnref.networks import ResNetDiscriminator, ResNetGenerator
from gnref.normalization import literal
from gnref.training.experiments import EXPERIMENTS
from gnref.training.schedule import moment
from gnref.training.trainer import Trainer


class OneByOne(Dataset[tuple[Tensor, Tensor]]):
    """Each image flipped, and flipped and shifted again, by itself."""

    def __init__(self, images: Tensor, consistent: bool) -> None:
        self.images, self.consistent = images, consistent

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image = self._flip(self.images[index].float() / 127.5 - 1)
        return image, self._shift(self._flip(image)) if self.consistent else image

    @staticmethod
    def _flip(image: Tensor) -> Tensor:
        return image.flip(-1) if torch.rand(()) < 0.5 else image

    @staticmethod
    def _shift(image: Tensor) -> Tensor:
        most = int(0.2 * image.shape[-1])
        dx, dy = torch.randint(-most, most + 1, (2,)).tolist()
        padded = nn.functional.pad(image, (most, most, most, most), value=-1)
        return padded[:, most - dy :, most - dx :][:, : image.shape[1], : image.shape[2]]


class Naive:
    """The original recipe, one `step()` an update of G."""

    def __init__(self, width: int, batch: int, n_dis: int, weight: float, images: Tensor, fast_layout: bool) -> None:
        self.generator = ResNetGenerator(32, 128, width, fuse=fast_layout)
        self.discriminator = ResNetDiscriminator(32, width, fuse=fast_layout)
        if fast_layout:
            self.generator.to(memory_format=torch.channels_last)
            self.discriminator.to(memory_format=torch.channels_last)
        self.batch, self.n_dis, self.weight = batch, n_dis, weight
        self.loader = DataLoader(OneByOne(images, weight > 0), batch * n_dis, shuffle=True, drop_last=True)
        self.served = iter(self.loader)
        self.average = ResNetGenerator(32, 128, width)
        self.optimizers = [
            torch.optim.Adam(network.parameters(), rate, (0.0, 0.9))
            for network, rate in ((self.generator, 2e-4), (self.discriminator, 4e-4))
        ]

    def step(self) -> None:
        try:
            served = next(self.served)
        except StopIteration:
            self.served = iter(self.loader)
            served = next(self.served)
        for real, augmented in zip(*(part.chunk(self.n_dis) for part in served), strict=True):
            with torch.no_grad():
                fake = self.generator(torch.randn(self.batch, 128))
            scores = literal(self.discriminator, torch.cat([real, fake]))
            loss = hinge.discriminator(scores[: self.batch], scores[self.batch :])
            if self.weight:
                again = literal(self.discriminator, augmented)
                loss = loss + self.weight * (scores[: self.batch] - again).square().mean()
            self.optimizers[1].zero_grad()
            loss.backward()
            self.optimizers[1].step()
            loss.item()
        self.discriminator.requires_grad_(False)
        loss = hinge.generator(literal(self.discriminator, self.generator(torch.randn(2 * self.batch, 128))))
        self.optimizers[0].zero_grad()
        loss.backward()
        self.optimizers[0].step()
        self.discriminator.requires_grad_(True)
        loss.item()
        with torch.no_grad():
            for mine, its in zip(self.average.state_dict().values(), self.generator.state_dict().values(), strict=True):
                mine.copy_(mine * 0.9999 + its * 0.0001)


def least(bodies: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Each body's smallest processor time in seconds, over rounds in which all take turns."""
    times: dict[str, float] = {}
    for body in bodies.values():
        body()
    for _ in range(rounds):
        for name, body in bodies.items():
            began = time.process_time()
            body()
            times[name] = min(times.get(name, float("inf")), time.process_time() - began)
    return times


def timed(body: Callable[..., None], total: list[float]) -> Callable[..., None]:
    """The same body, its processor time added to `total`."""

    def measured(*args: object) -> None:
        began = time.process_time()
        body(*args)
        total[0] += time.process_time() - began

    return measured


def compare(name: str, width: int, batch: int, rounds: int) -> None:
    data = ImageSet(*shapes(2000))
    e = EXPERIMENTS[name].changed(**{"width": width, "batch": batch, "generator_batch": 2 * batch})
    trainer, now = Trainer(e, data), moment(e, 0)
    inside = [0.0]
    for part in ("_update_discriminator", "_update_generator"):
        setattr(trainer, part, timed(getattr(trainer, part), inside))
    options = (width, batch, e.n_dis, e.consistency_weight, data.images)
    bodies = {
        "whole loop": trainer.step,
        "D step with its data": lambda: trainer._update_discriminator(now, 0),
        "G step": lambda: trainer._update_generator(now),
        "data of a D step": lambda: to_unit(trainer._batches(0, now.batch)[0]),
        "original recipe": Naive(*options, fast_layout=False).step,
        "original recipe, same layout": Naive(*options, fast_layout=True).step,
    }
    times = least(bodies, rounds)
    whole = times["whole loop"]
    inside[0], began = 0.0, time.process_time()
    for _ in range(rounds):
        trainer.step()
    ratio = (time.process_time() - began) / inside[0]
    print(f"{name}, width {width}, batch {batch}, n_dis {e.n_dis}: {e.n_dis * batch / whole:.1f} reals a second")
    print("    " + ", ".join(f"{key} {1000 * value:.1f} ms" for key, value in times.items()))
    print(f"    whole loop / sum of the D steps with their data and the G steps in it: {ratio:.3f}")
    for key in ("original recipe", "original recipe, same layout"):
        print(f"    {key} / whole loop: {times[key] / whole:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    for name in ("cifar10-resnet-gn", "cifar10-resnet-gn-cr"):
        compare(name, given.width, given.batch, given.rounds)


if __name__ == "__main__":
    main()
