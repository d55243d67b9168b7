"""Is gradient normalization in practice 1-Lipschitz but for small jumps? Trained discriminators, segment by segment.

    nice -n 19 python reproductions/lipschitz.py --run --plot --check
    python reproductions/jumps.py

Theorem 6 says |f̂(x) - f̂(y)| ≤ ‖x - y‖; with kinks f̂ jumps. Discriminators trained without normalization, with spectral
normalization, with a gradient penalty and with GN, on the ring and on the embedded shapes of 16 x 16. At four moments,
segments between two reals, two fakes, and a real and a fake are cut into all their linear pieces: how much of f̂'s
change is slope, how much jumps, and by how much f̂ misses 1-Lipschitz. f̂ is f/(‖∇f‖ + |f|) of every discriminator,
normalized in training or not. About twenty minutes on one core; `jumps.py` prints what was found as Markdown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, ClassVar

import installed  # noqa: F401 - one sentence where gnref is missing
import torch
from segments import KINDS, summaries

from gnref.data.load import load
from gnref.errors import UserError
from gnref.evidence import Artefact, Finding, Job, Line, Options, Record, Verdict, main
from gnref.evidence.timing import Estimate
from gnref.figures import picture
from gnref.files import write_atomically
from gnref.training.experiments import EXPERIMENTS
from gnref.training.trainer import Trainer

METHODS = {"vanilla": "no normalization", "sn": "spectral norm", "1-gp": "1-GP", "gn": "GN"}
SHARES = (0.0, 0.1, 0.4, 1.0)
"""At which shares of training the discriminator is looked at."""


@dataclass(frozen=True)
class Setting:
    """A data set with its recipe: steps of training, seeds, segments of each kind."""

    name: str
    base: str
    steps: int
    seeds: range
    pairs: int


SETTINGS = (Setting("ring", "ring-mlp", 3000, range(3), 8), Setting("shapes", "shapes16-resnet", 400, range(1), 1))


@dataclass(frozen=True)
class Lipschitz:
    """A run a method, setting and seed; a line a method and setting."""

    judges_images: ClassVar[bool] = False

    def jobs(self, options: Options) -> list[Job]:
        """Every method of every setting."""
        return [job(setting, method, seed) for setting in SETTINGS for method in METHODS for seed in setting.seeds]

    def lines(self, options: Options) -> list[Line]:
        """What was found at the end of training, over all kinds of segments."""
        return [_line(setting, method, options) for setting in SETTINGS for method in METHODS]

    def plot(self, options: Options) -> Path:
        """What of f̂'s change is slope, and what jumps, over training."""
        return draw(options)


def job(setting: Setting, method: str, seed: int) -> Job:
    """Train one discriminator, and cut segments at each moment."""
    settings: dict[str, Any] = {
        "experiment": f"{setting.base}-{method}",
        "steps": setting.steps,
        "pairs": setting.pairs,
        "looked_at": list(SHARES),
    }

    def work(options: Options) -> Mapping[str, float | None]:
        torch.set_num_threads(1)
        return measured(setting, method, seed)

    return Job(
        f"lipschitz-{setting.name}-{method}", "mini", seed, settings, work, (f"lipschitz.{setting.name}.{method}",),
        duration=lambda options: Estimate(90, "a minute and a half"),
    )  # fmt: skip


def measured(setting: Setting, method: str, seed: int) -> dict[str, float | None]:
    """By moment and kind of segment, what `summaries` gives."""
    experiment = replace(EXPERIMENTS[f"{setting.base}-{method}"], steps=setting.steps)
    data = load(experiment.dataset, None, experiment.size)
    trainer, found = Trainer(experiment, data, seed=seed), dict[str, float | None]()
    for share in SHARES:
        while trainer.step_number < round(share * setting.steps):
            trainer.step()
        moment = summaries(trainer, data.fetch(torch.arange(3 * setting.pairs)), setting.pairs)
        found |= {f"{share:g}.{name}": value for name, value in moment.items()}
    return found


def records(setting: Setting, method: str, options: Options) -> list[Record]:
    """The runs of a method that are done."""
    return [found for seed in setting.seeds if (found := job(setting, method, seed).record(options))]


def at(found: list[Record], share: float, name: str) -> float:
    """Over runs and kinds of segments: the largest of a score that is a largest, otherwise the median."""
    values = [record.value(f"{share:g}.{kind}.{name}") for record in found for kind in KINDS]
    return max(values) if name.startswith("largest") else median(values)


def _line(setting: Setting, method: str, options: Options) -> Line:
    found = records(setting, method, options)
    label = f"{setting.name}: {METHODS[method]}"
    if not found:
        missing = Finding(Verdict.NOT_RUN, "no evidence; python reproductions/lipschitz.py --run makes it in minutes")
        return Line(f"lipschitz.{setting.name}.{method}", label, "(theorem 6)", "", missing)
    slope, jumps, kinks, excess = (at(found, SHARES[-1], name) for name in ("slope", "jumps", "kinks", "excess"))
    reason = (
        f"{len(found)} seeds; by unit of length f̂ changes by {slope:.3g} through slope and {jumps:.3g} through jumps, "
        f"at {kinks:.0f} kinks a segment; a jump is {at(found, SHARES[-1], 'jump50'):.2g} in the middle and "
        f"{at(found, SHARES[-1], 'largest_jump'):.2g} at most"
    )
    return Line(
        f"lipschitz.{setting.name}.{method}", label, "(theorem 6)", f"|Δf̂| ≤ ‖Δx‖ + {excess:.2g}",
        Finding(Verdict.SHOWN, reason), tuple(e.id for e in found),
    )  # fmt: skip


PANELS = {
    "slope": "by slope, by unit of length (at most 1)",
    "jumps": "by jumps, by unit of length",
    "largest_jump": "largest jump",
    "excess": "c with |Δf̂| ≤ ‖Δx‖ + c (0 if Theorem 6 held)",
}


def draw(options: Options) -> Path:
    """Each of `PANELS` over training: the median over runs, of a largest the largest; a thin line a run."""
    if not any(records(setting, method, options) for setting in SETTINGS for method in METHODS):
        raise UserError("lipschitz: nothing has run yet; python reproductions/lipschitz.py --run makes it in minutes")

    def paint(figure: Any) -> None:
        axes = figure.subplots(len(SETTINGS), len(PANELS), sharex=True, squeeze=False)
        for row, setting in zip(axes, SETTINGS, strict=True):
            for number, (method, label) in enumerate(METHODS.items()):
                found = records(setting, method, options)
                for panel, name in zip(row, PANELS, strict=True):
                    for each in found:
                        panel.plot(SHARES, [at([each], s, name) for s in SHARES], color=f"C{number}", lw=0.5, alpha=0.5)
                    if found:
                        middle = [median(at([each], s, name) for each in found) for s in SHARES]
                        panel.plot(SHARES, middle, "o-", color=f"C{number}", label=label, ms=3)
            for panel, title in zip(row, PANELS.values(), strict=True):
                panel.set_title(title, fontsize=8)
                panel.set_ylim(bottom=0)
            row[0].set_ylabel(f"{setting.name}: of f̂, which has no unit")
        handles, labels = axes[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
        for panel in axes[-1]:
            panel.set_xlabel("share of training")

    path = options.results / "lipschitz.png"
    write_atomically(path, picture(paint, 12, 5.5))
    return path


ARTEFACT = Artefact("lipschitz", "Slope and jumps of f̂ between samples, over training", Lipschitz())

if __name__ == "__main__":
    main(ARTEFACT, Path(__file__).parent)
