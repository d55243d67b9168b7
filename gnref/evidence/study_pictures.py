"""The study's pictures: every run of every arm, a panel a regime; and the distance against what it cost."""

from pathlib import Path
from statistics import median
from typing import Any

from gnref.errors import UserError
from gnref.evidence import arms
from gnref.evidence.options import Options
from gnref.evidence.registered import Regime, Registered
from gnref.evidence.study import NAMES, records, values
from gnref.figures import PALETTE, picture
from gnref.files import write_atomically


def draw(options: Options) -> Path:
    """`results/study.png`."""
    regimes = [regime for regime in Registered.of(options).regimes() if _ran(regime, options)]
    if not regimes:
        raise UserError("study: no regime has been run; python reproductions/study.py --run does")

    def panels(figure: Any) -> None:
        axes = figure.subplots((len(regimes) + 1) // 2, min(2, len(regimes)), squeeze=False).ravel()
        for axis, regime in zip(axes, regimes, strict=False):
            _panel(axis, regime, options)
        for axis in axes[len(regimes) :]:
            axis.remove()

    path = options.results / "study.png"
    write_atomically(path, picture(panels, 11.0, 4.6 * ((len(regimes) + 1) // 2), dpi=90))
    return path


def _ran(regime: Regime, options: Options) -> list[str]:
    return [arm for arm in regime.arms if records(regime, arm, options)]


def _panel(axis: Any, regime: Regime, options: Options) -> None:
    """A dot a run, a line at the median, the best arm at the top; what lies far out is said in words."""
    last = regime.scored_at[-1]
    found = {
        arm: values(records(regime, arm, options), arms.kind(regime).instruments[0], last)
        for arm in _ran(regime, options)
    }
    order = sorted(found, key=lambda arm: median(found[arm]), reverse=True)
    reach = 2.2 * max(median(scores) for scores in found.values())
    for place, arm in enumerate(order):
        shown = [value for value in found[arm] if value <= reach]
        heights = [place + 0.25 * (i / max(1, len(shown) - 1) - 0.5) for i in range(len(shown))]
        axis.scatter(shown, heights, s=9, c=PALETTE[1] if arm.startswith("gn") else PALETTE[0])
        axis.plot([median(found[arm])] * 2, [place - 0.35, place + 0.35], color=PALETTE[6], linewidth=1.5)
        if len(shown) < len(found[arm]):
            beyond = f"{len(found[arm]) - len(shown)} beyond, the farthest at {max(found[arm]):,.3g} "
            axis.text(reach, place, beyond, ha="right", va="center")
    axis.set_yticks(range(len(order)), [NAMES.get(arm, arm) for arm in order])
    axis.set(xlabel=arms.kind(regime).axis, xlim=(0, reach))
    axis.set_title(f"{regime.title}, n = {regime.replicas * len(regime.seeds)}")
