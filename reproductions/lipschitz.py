"""Is gradient normalization in practice 1-Lipschitz but for small jumps? Trained discriminators, segment by segment.

    nice -n 19 python reproductions/lipschitz.py --run --plot --check

Theorem 6 says |f̂(x) - f̂(y)| ≤ ‖x - y‖; with kinks f̂ jumps. Discriminators trained without normalization, with spectral
normalization, with a gradient penalty and with GN; on the ring (three seeds, every linear piece of every segment) and
on the embedded shapes of 16 x 16 (one seed, a budget of regions a segment). At four moments of training, segments
between two reals, two fakes, and a real and a fake are cut into their linear pieces: how much of f̂'s change is slope,
how much jumps, and how both compare with the distance. f̂ is f/(‖∇f‖ + |f|) of every discriminator, normalized in
training or not. A few minutes on one core.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, ClassVar

import installed  # noqa: F401 - one sentence where gnref is missing
import numpy as np
import torch
from torch import nn

from gnref.certificates import Chain, Segment, Walk
from gnref.certificates.pieces import Pieces
from gnref.data.load import load
from gnref.errors import UserError
from gnref.evidence import Artefact, Finding, Job, Line, Options, Record, Verdict, main
from gnref.figures import picture
from gnref.files import write_atomically
from gnref.networks import PointDiscriminator
from gnref.training.experiments import EXPERIMENTS
from gnref.training.trainer import Trainer

METHODS = {"vanilla": "no normalization", "sn": "spectral norm", "1-gp": "1-GP", "gn": "GN"}
KINDS = {"real": "real to real", "fake": "fake to fake", "across": "real to fake"}
SHARES = (0.0, 0.1, 0.4, 1.0)
"""At which shares of training the discriminator is looked at."""


@dataclass(frozen=True)
class Setting:
    """A data set with its recipe: steps of training, seeds, pairs of each kind, regions a segment (0: all)."""

    name: str
    base: str
    steps: int
    seeds: range
    pairs: int
    regions: int


SETTINGS = (
    Setting("ring", "ring-mlp", 600, range(1), 8, 0),
    Setting("shapes", "shapes16-resnet", 100, range(1), 1, 72),
)


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
        "regions": setting.regions,
        "looked_at": list(SHARES),
    }

    def work(options: Options) -> Mapping[str, float | None]:
        torch.set_num_threads(1)
        return measured(setting, method, seed)

    return Job(
        f"lipschitz-{setting.name}-{method}", "mini", seed, settings, work, (f"lipschitz.{setting.name}.{method}",),
        duration=lambda options: "half a minute",
    )  # fmt: skip


# Measuring


def measured(setting: Setting, method: str, seed: int) -> dict[str, float | None]:
    """By moment and kind of segment: medians and the largest of what `quantities` gives of each segment."""
    experiment = replace(EXPERIMENTS[f"{setting.base}-{method}"], steps=setting.steps)
    data = load(experiment.dataset, None, experiment.size)
    trainer, found = Trainer(experiment, data, seed=seed), dict[str, float | None]()
    for share in SHARES:
        while trainer.step_number < round(share * setting.steps):
            trainer.step()
        for kind, segments in _segments(setting, trainer, data).items():
            rows = [quantities(segment) for segment in segments]
            for name in rows[0]:
                values = [row[name] for row in rows]
                found[f"{share:g}.{kind}.{name}"] = median(values)
            found[f"{share:g}.{kind}.largest_quotient"] = max(row["quotient"] for row in rows)
            found[f"{share:g}.{kind}.largest_jump"] = max(row["jump"] for row in rows)
    return found


def quantities(segment: Pieces) -> dict[str, float]:
    """Of one segment, by unit of its length where it says so; a walk that ran out of regions is scaled up by its share.

    quotient |f̂(q) - f̂(p)|/‖q - p‖, slope Σ|Δf̂| over pieces by length, jumps Σ J by length, jump the largest J, middle
    the median J, kinks, bounds Σ tanh by length, steepest the largest ‖∇f̂‖ in a piece, covered the share that was cut.
    """
    covered = segment.covered if isinstance(segment, Walk) else 1.0
    ends, jumps, length = segment.normalized(), segment.jumps(), float(segment.length)
    change = abs(float(ends[-1, 1] - ends[0, 0]))
    scale = length * covered
    return {
        "quotient": change / length,
        "slope": float(segment.variation()) / scale,
        "jumps": float(jumps.sum()) / scale,
        "bounds": float(segment.jump_bounds().sum()) / scale,
        "jump": float(jumps.max(initial=0)),
        "middle": float(np.median(jumps)) if len(jumps) else 0.0,
        "kinks": int(segment.joined.sum()) / covered,
        "steepest": float(segment.gradient_norms_normalized().max()),
        "covered": covered,
        "length": length,
    }


def _segments(setting: Setting, trainer: Trainer, data: Any) -> dict[str, list[Pieces]]:
    count = 2 * setting.pairs
    real = data.fetch(torch.arange(2 * count)).double()
    if real.dim() > 2:
        real = real / 127.5 - 1
    with trainer.sampler() as generator, torch.random.fork_rng():
        torch.manual_seed(0)
        fake = generator(torch.randn(count, trainer.experiment.latent)).double()
    pairs = {
        "real": zip(real[:count:2], real[1:count:2], strict=True),
        "fake": zip(fake[::2], fake[1::2], strict=True),
        "across": zip(real[count : count + setting.pairs], fake[: setting.pairs], strict=True),
    }
    return {kind: list(_cut(setting, trainer.discriminator, ends)) for kind, ends in pairs.items()}


def _cut(setting: Setting, discriminator: nn.Module, ends: Any) -> Iterator[Pieces]:
    if isinstance(discriminator, PointDiscriminator):
        network = chain(discriminator)
        yield from (Segment.of(network, p.numpy(), q.numpy()) for p, q in ends)
        return
    twin = _in_double(discriminator)
    yield from (Walk.of(twin, p, q, setting.regions) for p, q in ends)


def _in_double(discriminator: nn.Module) -> nn.Module:
    from copy import deepcopy

    return deepcopy(discriminator).eval().double().requires_grad_(False)


def chain(discriminator: PointDiscriminator) -> Chain:
    """Its weights (spectral norm divided out), for the certificates: those of the only replica."""
    twin = _in_double(discriminator)
    layers = [layer for layer in twin.layers if hasattr(layer, "weight")]  # type: ignore[union-attr]
    return Chain.of([(layer.weight[0].detach().T.numpy(), layer.bias[0, 0].detach().numpy()) for layer in layers])


# Telling


def _records(setting: Setting, method: str, options: Options) -> list[Record]:
    return [found for seed in setting.seeds if (found := job(setting, method, seed).record(options))]


def _line(setting: Setting, method: str, options: Options) -> Line:
    found = _records(setting, method, options)
    label = f"{setting.name}: {METHODS[method]}"
    if not found:
        missing = Finding(Verdict.NOT_RUN, "no evidence; python reproductions/lipschitz.py --run makes it in minutes")
        return Line(f"lipschitz.{setting.name}.{method}", label, "(theorem 6)", "", missing)
    last = f"{SHARES[-1]:g}"

    def middle(name: str) -> float:
        return median(e.value(f"{last}.{kind}.{name}") for e in found for kind in KINDS)

    quotient = max(e.value(f"{last}.{kind}.largest_quotient") for e in found for kind in KINDS)
    jump = max(e.value(f"{last}.{kind}.largest_jump") for e in found for kind in KINDS)
    jumps, slope = middle("jumps"), middle("slope")
    share = jumps / (jumps + slope) if jumps + slope else 0.0
    reason = (
        f"by unit of length f̂ changes by {slope:.3g} through slope and {jumps:.3g} through jumps ({share:.0%}), at "
        f"{middle('kinks'):.0f} kinks a segment; a jump is {middle('middle'):.2g} in the middle and {jump:.2g} at most"
    )
    return Line(
        f"lipschitz.{setting.name}.{method}", label, "(theorem 6)", f"|Δf̂|/‖Δx‖ ≤ {quotient:.3g}",
        Finding(Verdict.SHOWN, reason), tuple(e.id for e in found),
    )  # fmt: skip


def draw(options: Options) -> Path:
    """Slope and jumps by unit of length, and the largest quotient of a segment's ends, over training."""
    if not any(_records(setting, method, options) for setting in SETTINGS for method in METHODS):
        raise UserError("lipschitz: nothing has run yet; python reproductions/lipschitz.py --run makes it in minutes")

    def paint(figure: Any) -> None:
        axes = figure.subplots(len(SETTINGS), 3, sharex=True, squeeze=False)
        titles = ("by slope (at most 1)", "by jumps (0 if Theorem 6 held)", "|Δf̂|/‖Δx‖ of ends, largest")
        for row, setting in zip(axes, SETTINGS, strict=True):
            for method, label in METHODS.items():
                found = _records(setting, method, options)
                for panel, name in zip(row, ("slope", "jumps", "largest_quotient"), strict=True):
                    if found:
                        panel.plot(SHARES, [_at(found, share, name) for share in SHARES], "o-", label=label, ms=3)
            for panel, title in zip(row, titles, strict=True):
                panel.set_title(f"{setting.name}: {title}", fontsize=8)
                panel.set_ylim(bottom=0)
            row[0].set_ylabel("change of f̂ by unit of length")
        axes[0][0].legend(fontsize=7)
        for panel in axes[-1]:
            panel.set_xlabel("share of training")

    path = options.results / "lipschitz.png"
    write_atomically(path, picture(paint, 10, 5.5))
    return path


def _at(found: list[Record], share: float, name: str) -> float:
    values = [e.value(f"{share:g}.{kind}.{name}") for e in found for kind in KINDS]
    return max(values) if name.startswith("largest") else median(values)


ARTEFACT = Artefact("lipschitz", "Slope and jumps of f̂ between samples, over training", Lipschitz())

if __name__ == "__main__":
    main(ARTEFACT, Path(__file__).parent)
