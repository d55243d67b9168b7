"""Figures 4 to 12: sample grids from run folders. A picture is made, not judged.

python reproductions/samples.py --check
python reproductions/samples.py --run --cell figure4.d --data CIFAR10_FOLDER
python reproductions/samples.py --plot
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import installed  # noqa: F401 - one sentence where gnref is missing
import torch

from gnref.errors import UserError
from gnref.evidence import Artefact, Finding, Job, Line, Options, Verdict, main
from gnref.evidence.sessions import job, missing_for

SEED = 0
FIGURES = {
    "figure4.a": ("cifar10-cnn-gn", "Figure 4, GN-GAN, standard CNN, CIFAR-10"),
    "figure4.b": ("cifar10-cnn-gn-cr", "Figure 4, GN-GAN-CR, standard CNN, CIFAR-10"),
    "figure4.c": ("cifar10-resnet-gn", "Figure 4, GN-GAN, ResNet, CIFAR-10"),
    "figure4.d": ("cifar10-resnet-gn-cr", "Figure 4, GN-GAN-CR, ResNet, CIFAR-10"),
    "figure5.a": ("stl10-cnn-gn", "Figure 5, GN-GAN, standard CNN, STL-10"),
    "figure5.b": ("stl10-cnn-gn-cr", "Figure 5, GN-GAN-CR, standard CNN, STL-10"),
    "figure5.c": ("stl10-resnet-gn", "Figure 5, GN-GAN, ResNet, STL-10"),
    "figure5.d": ("stl10-resnet-gn-cr", "Figure 5, GN-GAN-CR, ResNet, STL-10"),
    "figure6": ("cifar10-biggan-gn-cr", "Figure 6, GN-BigGAN-CR, a column a class, CIFAR-10"),
    "figure7": ("celebahq-256-resnet-gn", "Figure 7, CelebA-HQ 256"),
    "figure8": ("lsun-church-256-resnet-gn", "Figure 8, LSUN church outdoor 256"),
    "figure9-12": ("celebahq-1024-stylegan-gn", "Figures 9 to 12, GN-StyleGAN, CelebA-HQ 1024"),
}


@dataclass(frozen=True)
class Samples:
    """Grids of 100 samples (16 at 1024 pixels) of each experiment's first seed."""

    judges_images: ClassVar[bool] = False

    def jobs(self, options: Options) -> list[Job]:
        """The runs behind the pictures; most of them are those of Tables 2, 4 and 5."""
        return [job(name, SEED, (figure,)) for figure, (name, _) in FIGURES.items()]

    def lines(self, options: Options) -> list[Line]:
        """Which of the pictures can be drawn."""
        return [_line(figure, options) for figure in FIGURES]

    def plot(self, options: Options) -> Path:
        """Draw every figure that has its run folder, beside the runs."""
        ready = [figure for figure in FIGURES if folder(figure, options).is_dir()]
        if not ready:
            raise UserError(f"there is no run folder of these figures in {options.runs}; --run makes them")
        for figure in ready:
            draw(figure, options)
        return options.runs / "figures"


def folder(figure: str, options: Options) -> Path:
    """The run folder of a figure."""
    return options.runs / f"{FIGURES[figure][0]}-seed{SEED}"


def draw(figure: str, options: Options) -> Path:
    """The grid of one figure; ten columns, so that a conditional generator's labels are the columns."""
    from gnref.runs import load_generator
    from gnref.training.pictures import grid, samples, save_png

    count = 16 if FIGURES[figure][0].startswith("celebahq-1024") else 100
    images = torch.cat(list(samples(load_generator(folder(figure, options)), count)))
    path = options.runs / "figures" / f"{figure}.png"
    save_png(grid(images), path)
    return path


def _line(figure: str, options: Options) -> Line:
    name, label = FIGURES[figure]
    run = folder(figure, options)
    if run.is_dir():
        return Line(figure, label, "", "", Finding(Verdict.SHOWN, f"--plot draws it from {run}"))
    needs = missing_for(name, options)
    reason = f"no run folder {run}" + (f"; --run needs {'; '.join(needs)}" if needs else "; --run makes it")
    return Line(figure, label, "", "", Finding(Verdict.NOT_RUN, reason))


ARTEFACT = Artefact("samples", "Figures 4 to 12: sample grids", Samples())

if __name__ == "__main__":
    main(ARTEFACT, Path(__file__).parent)
