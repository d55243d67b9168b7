"""The study's pictures, one a question: every run of every arm; the range of learning rates; what a budget buys."""

from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from textwrap import fill
from typing import Any

from gnref.errors import UserError
from gnref.evidence import arms, cost
from gnref.evidence.options import Options
from gnref.evidence.registered import Regime, Registered
from gnref.evidence.study import NAMES, records, values
from gnref.figures import PALETTE, picture
from gnref.files import write_atomically

RATES = {"ring-slow": "1e-3", "ring": "5e-3", "ring-fast": "1e-2"}
"""The regimes that differ in nothing but the learning rate."""
COMPARED = ("vanilla", "sn", "1-gp", "0-gp", "gn", "gn1", "gn-cr", "gn-elu", "r1-every-4", "r3gan")
"""The arms whose cost is drawn beside what they reach, at most eight in a regime."""


def draw(options: Options) -> Path:
    """`study.png`, `study-rates.png`, `study-budget.png` and `study-images.png` in the folder of results; the first."""
    regimes = {regime.name: regime for regime in Registered.of(options).regimes() if _ran(regime, options)}
    if not regimes:
        raise UserError("study: no regime has been run; python reproductions/study.py --run does")
    plane = [regime for regime in regimes.values() if arms.kind(regime) is arms.POINTS]
    seen = [regime for regime in regimes.values() if arms.kind(regime) is arms.IMAGES]
    _save(options, "study", [_each_run(regime, 0, options) for regime in plane])
    if all(name in regimes for name in RATES):
        _save(options, "study-rates", [_rates([regimes[name] for name in RATES], options)])
    costed = [regime for regime in regimes.values() if cost.ratios(regime, options)]
    if costed:
        _save(options, "study-budget", [_budget(regime, options) for regime in costed])
    if seen:
        _save(options, "study-images", [_each_run(regime, which, options) for regime in seen for which in (0, 1)])
    return options.results / "study.png"


def _save(options: Options, name: str, panels: list[Callable[[Any], None]]) -> None:
    """So many panels, two in a row."""
    rows, columns = (len(panels) + 1) // 2, min(2, len(panels))

    def draw_panels(figure: Any) -> None:
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for axis, panel in zip(axes, panels, strict=False):
            panel(axis)
        for axis in axes[len(panels) :]:
            axis.remove()

    write_atomically(options.results / f"{name}.png", picture(draw_panels, 11.0, 4.8 * rows, dpi=90))


def _ran(regime: Regime, options: Options) -> list[str]:
    return [arm for arm in regime.arms if records(regime, arm, options)]


def _each_run(regime: Regime, which: int, options: Options) -> Callable[[Any], None]:
    """A dot a run, a line at the median, the best arm at the top; what lies far out is said in words."""
    kind, last = arms.kind(regime), regime.scored_at[-1]
    instrument = kind.instruments[which]
    found = {arm: values(records(regime, arm, options), instrument, last) for arm in _ran(regime, options)}
    order = sorted(found, key=lambda arm: median(found[arm]), reverse=True)
    reach = 2.2 * max(median(scores) for scores in found.values())

    def panel(axis: Any) -> None:
        for place, arm in enumerate(order):
            shown = [value for value in found[arm] if value <= reach]
            heights = [place + 0.25 * (i / max(1, len(shown) - 1) - 0.5) for i in range(len(shown))]
            axis.scatter(shown, heights, s=9, c=PALETTE[1] if arm.startswith("gn") else PALETTE[0])
            axis.plot([median(found[arm])] * 2, [place - 0.35, place + 0.35], color=PALETTE[6], linewidth=1.5)
            if len(shown) < len(found[arm]):
                beyond = f"{len(found[arm]) - len(shown)} beyond, the farthest at {max(found[arm]):,.3g} "
                axis.text(reach, place + 0.3, beyond, ha="right", va="center")
        axis.set_yticks(range(len(order)), [NAMES.get(arm, arm) for arm in order])
        axis.set(xlabel=kind.axes[which], xlim=(0, reach))
        axis.set_title(fill(f"{regime.title}, n = {regime.replicas * len(regime.seeds)}", 62))

    return panel


def _rates(regimes: list[Regime], options: Options) -> Callable[[Any], None]:
    """Medians with their quartiles, a column of arms for each rate, the arms in the order of the middle rate."""
    common = [arm for arm in regimes[0].arms if all(arm in _ran(regime, options) for regime in regimes)]
    found = {
        (arm, i): quantiles(_ends(regime, arm, options), n=4, method="inclusive")
        for arm in common
        for i, regime in enumerate(regimes)
    }
    order = sorted(common, key=lambda arm: found[arm, 1][1], reverse=True)

    def panel(axis: Any) -> None:
        for i, rate in enumerate(RATES[regime.name] for regime in regimes):
            heights = [place + 0.22 * (1 - i) for place in range(len(order))]
            low, middle, high = zip(*(found[arm, i] for arm in order), strict=True)
            axis.hlines(heights, low, high, color=PALETTE[i], linewidth=2)
            axis.scatter(middle, heights, color=PALETTE[i], s=22, label=f"learning rate {rate}", zorder=3)
        axis.set_yticks(range(len(order)), [NAMES.get(arm, arm) for arm in order])
        axis.set(xscale="log", xlabel="Wasserstein distance to the reals after 3000 steps: median and quartiles")
        axis.legend()

    return panel


def _budget(regime: Regime, options: Options) -> Callable[[Any], None]:
    """Medians at the scored steps against the multiplications done by then, in steps of the unnormalized arm."""
    ratios, kind = cost.ratios(regime, options), arms.kind(regime)
    chosen = [arm for arm in COMPARED if arm in ratios and arm in _ran(regime, options)]

    def panel(axis: Any) -> None:
        for i, arm in enumerate(chosen):
            done = [step * ratios[arm][0] for step in regime.scored_at]
            runs = records(regime, arm, options)
            reached = [median(values(runs, kind.instruments[0], step)) for step in regime.scored_at]
            axis.plot(done, reached, color=PALETTE[i], marker=".", label=NAMES.get(arm, arm))
        axis.set(xscale="log", yscale="log", ylabel=f"median; {kind.axes[0]}")
        axis.set(xlabel="multiplications done, in steps of the unnormalized arm")
        axis.set_title(fill(regime.title, 62))
        axis.legend()

    return panel


def _ends(regime: Regime, arm: str, options: Options) -> list[float]:
    return values(records(regime, arm, options), arms.kind(regime).instruments[0], regime.scored_at[-1])
