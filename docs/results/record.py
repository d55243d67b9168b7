"""A run as a page of the site: `python docs/results/record.py RUN --seconds CPU_SECONDS [--scores scores.json]`.

Beside this file it writes NAME.md, NAME-curve.png and, for images, NAME-grid.png.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from gnref.figures import PALETTE, picture
from gnref.files import write_atomically
from gnref.runs import Run

HERE = Path(__file__).parent


def curve(metrics: list[dict[str, Any]]) -> bytes:
    """D's and G's losses, and the mean score of reals and fakes, against updates of G."""
    steps = [line["step"] for line in metrics]

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        for axes, names in ((left, ("D_loss", "G_loss")), (right, ("D_real", "D_fake"))):
            for name, color in zip(names, PALETTE, strict=False):
                axes.plot(
                    steps, [line[name] for line in metrics], color=color, linewidth=1, label=name.replace("_", " ")
                )
            axes.set(xlabel="updates of G")
            axes.legend()
        left.set_title("losses")
        right.set_title("mean score of real and generated samples")

    return picture(draw, 9, 2.8)


def page(name: str, run: dict[str, Any], steps: int, seconds: float, scores: dict[str, Any] | None, grid: bool) -> str:
    """The page in Markdown: command, code, what it took, curve, samples and scores."""
    experiment = run["experiment"]
    lines = [
        f"# {name}",
        "",
        "```bash",
        f"gnref train {experiment['name']} --seeds {run['seed']}",
        "```",
        "",
        f"gnref {run['gnref']}, commit {run['commit']}, torch {run['torch']}; {steps} updates of G in "
        f"{seconds / 60:.1f} CPU-minutes of one thread on a CPU. One run with one seed: an example, not evidence.",
        "",
        f"![losses and mean scores]({name}-curve.png)",
        "",
    ]
    if grid:
        lines += [f"![a grid of generated images]({name}-grid.png)", ""]
    if scores is not None:
        lines += [
            f"Scored by the protocol {scores['protocol']}, {scores['generated']} generated images; the last column is "
            "the same score of real images against real ones.",
            "",
            "| score | generated | real |",
            "|---|---|---|",
            *(
                f"| {key} | {value:.3f} | {scores['floor'].get(key, float('nan')):.3f} |"
                for key, value in scores["scores"].items()
            ),
            "",
        ]
    return "\n".join(lines)


def main() -> None:
    """Write the page of one run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--seconds", type=float, required=True, help="CPU seconds that the training took")
    parser.add_argument("--scores", type=Path, help="what gnref evaluate --json wrote")
    given = parser.parse_args()
    run = Run(given.run)
    description, metrics = run.description(), run.metrics()
    name = description["experiment"]["name"]
    scores = json.loads(given.scores.read_text()) if given.scores else None
    grids = sorted((given.run / "samples").glob("*.png"))
    write_atomically(HERE / f"{name}-curve.png", curve(metrics))
    if grids:
        shutil.copy(grids[-1], HERE / f"{name}-grid.png")
    text = page(name, description, metrics[-1]["step"], given.seconds, scores, bool(grids))
    write_atomically(HERE / f"{name}.md", text.encode())


if __name__ == "__main__":
    main()
