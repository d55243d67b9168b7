"""Runs as a page of the site: `python docs/results/record.py PAGE --run FOLDER CPU_SECONDS [--run ...]`.

The runs are those of one data set, one network, and one seed each. Beside this file it writes PAGE-scores.png,
PAGE-curves.png and a picture of what each run generates, and in PAGE.md, which has to exist, what stands between
`<!-- runs -->` and `<!-- /runs -->`: the words around it are yours.
"""

import argparse
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gnref.data.points import grid_centres, mixture, ring_centres
from gnref.evaluation.points import covered_modes, wasserstein_distance
from gnref.figures import PALETTE, picture
from gnref.files import write_atomically
from gnref.runs import Run, load_generator
from gnref.training.experiments import EXPERIMENTS

HERE = Path(__file__).parent
_CENTRES = {"ring": ring_centres, "grid": grid_centres}
_METHODS = {"none": "no normalization", "sn": "spectral norm", "gn": "GN", "gn1": "GN_1", "gn0": "GN_0"}


@dataclass
class Result:
    """A finished run: its description, its lines of metrics, and what it took."""

    folder: Path
    seconds: float

    def __post_init__(self) -> None:
        """Read the folder."""
        self.description = Run(self.folder).description()
        lines = Run(self.folder).metrics()
        self.metrics = [line for line in lines if "D_loss" in line]
        self.scores = {line["step"]: line["scores"] for line in lines if "scores" in line}
        self.experiment: dict[str, Any] = self.description["experiment"]

    @property
    def method(self) -> str:
        """What is done to D, in words."""
        penalty = self.experiment["penalty"]
        return _METHODS[self.experiment["normalization"]] if penalty == "none" else penalty.upper()

    @property
    def command(self) -> str:
        """What a reader types for this run."""
        usual = EXPERIMENTS[self.experiment["name"]].settings()
        other = [f"{name}={value}" for name, value in self.experiment.items() if value != usual.get(name)]
        return " ".join(["gnref train", self.experiment["name"], *(["--settings", *other] if other else [])])


def scores(results: list[Result]) -> bytes:
    """FID against updates of G, a curve a method."""

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for result, color in zip(results, PALETTE, strict=False):
            (name,) = {name for found in result.scores.values() for name in found if name.startswith("FID")}
            axes.plot(list(result.scores), [s[name] for s in result.scores.values()], color=color, label=result.method)
        axes.set(xlabel="updates of G", ylabel=f"{name}, lower is better", ylim=(0, None))
        axes.legend()

    return picture(draw, 6.5, 3.2)


def curves(results: list[Result]) -> bytes:
    """D's and G's losses, and the mean score of reals and fakes, against updates of G, a row a method."""

    def draw(figure: Any) -> None:
        grid = figure.subplots(len(results), 2, squeeze=False, sharex=True)
        for row, result in zip(grid, results, strict=True):
            steps = [line["step"] for line in result.metrics]
            for axes, names in zip(row, (("D_loss", "G_loss"), ("D_real", "D_fake")), strict=True):
                for name, color in zip(names, PALETTE, strict=False):
                    label = {"D_loss": "D", "G_loss": "G", "D_real": "real", "D_fake": "generated"}[name]
                    axes.plot(steps, [line[name] for line in result.metrics], color=color, linewidth=1, label=label)
            row[0].set(title=result.method, ylabel="loss")
            row[1].set(ylabel="mean score")
        for axes in grid[0]:
            axes.legend(loc="upper right", ncols=2)
        for axes in grid[-1]:
            axes.set_xlabel("updates of G")

    return picture(draw, 9, 1.9 * len(results))


def points(results: list[Result]) -> tuple[bytes, list[tuple[str, ...]]]:
    """500 generated points of each run beside 500 real ones; and their distance and the modes that are covered."""
    centres = _CENTRES[results[0].experiment["dataset"]]()
    real = mixture(centres, 500, generator=torch.Generator().manual_seed(1))[0].numpy()
    found = []
    for result in results:
        latent = torch.randn(500, result.experiment["latent"], generator=torch.Generator().manual_seed(2))
        with torch.no_grad():
            found.append(load_generator(result.folder)(latent).numpy())
    measured = [
        (f"{wasserstein_distance(made, real):.2f}", f"{covered_modes(made, centres, 0.05)} of {len(centres)}")
        for made in found
    ]

    window = 1.3 * np.abs(real).max() * np.array([-1, 1])

    def draw(figure: Any) -> None:
        for axes, result, made in zip(figure.subplots(1, len(results)), results, found, strict=True):
            axes.scatter(*real.T, s=5, color=PALETTE[7], label="real")
            axes.scatter(*made.T, s=5, color=PALETTE[0], label="generated")
            axes.set(title=result.method, xlabel="x", ylabel="y", aspect="equal", xlim=window, ylim=window)
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)

    return picture(draw, 3 * len(results), 3.5), measured


def images(results: list[Result], page: str) -> list[tuple[str, ...]]:
    """Write each run's last grid of samples; each run's last scores."""
    from PIL import Image

    measured = []
    for result in results:
        last = sorted((result.folder / "samples").glob("*.png"))[-1]
        content = io.BytesIO()
        Image.open(last).save(content, format="png", optimize=True)
        write_atomically(HERE / f"{page}-{result.experiment['normalization']}.png", content.getvalue())
        end = result.scores[max(result.scores)]
        measured.append(tuple(f"{end[name]:.2f}" for name in end if "deviation" not in name))
    return measured


def written(page: str, results: list[Result]) -> str:
    """The part of the page that is made from the runs; writes its pictures."""
    first = results[0]
    steps, seed = first.metrics[-1]["step"], first.description["seed"]
    commits = ", ".join(sorted({str(result.description["commit"]) for result in results}))
    shown: list[str] = []
    if first.experiment["dataset"] in _CENTRES:
        heads = ["Wasserstein distance", "modes covered"]
        content, measured = points(results)
        write_atomically(HERE / f"{page}-points.png", content)
        methods = ", ".join(result.method for result in results)
        shown += [f"![500 generated points beside 500 real ones: {methods}]({page}-points.png)"]
    else:
        heads = [name for name in first.scores[max(first.scores)] if "deviation" not in name]
        measured = images(results, page)
        write_atomically(HERE / f"{page}-scores.png", scores(results))
        shown += [f"![FID against updates of G]({page}-scores.png)", "", "## What they generate", ""]
        for result in results:
            file = f"{page}-{result.experiment['normalization']}.png"
            shown += [f"{result.method}:", "", "```{image} " + file]
            shown += [f":alt: a grid of images generated by {result.method}", ":class: pixels", "```", ""]
    write_atomically(HERE / f"{page}-curves.png", curves(results))
    lines = [
        f"| method | {' | '.join(heads)} | CPU minutes |",
        "|---" * (len(heads) + 2) + "|",
        *(f"| {r.method} | {' | '.join(m)} | {r.seconds / 60:.1f} |" for r, m in zip(results, measured, strict=True)),
        "",
        *shown,
        "",
        "## Losses and scores",
        "",
        f"![losses and mean scores against updates of G, a row a method]({page}-curves.png)",
        "",
        "## How they were made",
        "",
        f"{steps:,} updates of G from seed {seed}, on one thread of a CPU:",
        "",
        "```bash",
        *(result.command for result in results),
        "```",
        "",
        f"gnref {first.description['gnref']} at commit {commits}, torch {first.description['torch']}.",
    ]
    return "\n".join(lines)


def main() -> None:
    """Write the runs' part of a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", help="the name of the page beside this file")
    parser.add_argument(
        "--run", nargs=2, action="append", required=True, metavar=("FOLDER", "CPU_SECONDS"), help="may be repeated"
    )
    given = parser.parse_args()
    results = [Result(Path(folder), float(seconds)) for folder, seconds in given.run]
    file = HERE / f"{given.page}.md"
    before, rest = file.read_text(encoding="utf-8").split("<!-- runs -->\n")
    after = rest.split("<!-- /runs -->")[1]
    text = f"{before}<!-- runs -->\n{written(given.page, results)}\n<!-- /runs -->{after}"
    write_atomically(file, text.encode())


if __name__ == "__main__":
    main()
