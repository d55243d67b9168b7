"""Two pictures of a diagnosis: f̂ and ‖∇f̂‖ along the segment with the steepest quotient, and how steep f̂ is."""

from pathlib import Path
from typing import Any

import numpy as np

from gnref.certificates import Walk
from gnref.diagnosis.examine import Diagnosis
from gnref.figures import PALETTE, picture
from gnref.files import write_atomically


def draw(diagnosis: Diagnosis, folder: Path) -> list[Path]:
    """Write segment.png and slopes.png into a folder, which is made if need be."""
    shown = pictures_of(diagnosis)
    folder.mkdir(parents=True, exist_ok=True)
    names = ("segment.png", "slopes.png")
    for name, content in zip(names, shown.values(), strict=True):
        write_atomically(folder / name, content)
    return [folder / name for name in names]


def pictures_of(diagnosis: Diagnosis) -> dict[str, bytes]:
    """The PNG of each picture, by its caption."""
    report = max(diagnosis.segments, key=lambda report: report.found.value)
    return {
        f"f̂ and ‖∇f̂‖ on the way from sample {report.first} to sample {report.second}, and around the largest jump": (
            picture(lambda figure: _segment(diagnosis, figure), 7, 7.5)
        ),
        "How steep f̂ is at the samples and along the segments; the slope may not pass 1": (
            picture(lambda figure: _slopes(diagnosis, figure))
        ),
    }


def _segment(diagnosis: Diagnosis, figure: Any) -> None:
    report = max(diagnosis.segments, key=lambda report: report.found.value)
    walk = report.walk
    above, below, *around = figure.subplots(2 if walk is None or not walk.largest_jump()[0] else 3, 1)
    above.plot(report.t, report.normalized, ".-", color=PALETTE[0], markersize=3, linewidth=0.8, label="sampled")
    below.plot(report.t, report.slope, ".-", color=PALETTE[0], markersize=3, linewidth=0.8, label="sampled")
    if walk is not None:
        values = np.concatenate([walk.normalized(), np.full((len(walk), 1), np.nan)], axis=1)
        ends = np.stack([walk.start, walk.end, np.full(len(walk), np.nan)], axis=1).ravel()
        above.plot(ends, values.ravel(), color=PALETTE[1], linewidth=1.5, label="regions cut")
        slopes = np.where(walk.norms[:, None] > 0, (1 - np.abs(values)) ** 2, 0)
        below.plot(ends, slopes.ravel(), color=PALETTE[1], linewidth=1.5, label="regions cut")
        for axes in around:
            _around_the_largest_jump(axes, walk)
    below.axhline(1, color="gray", linewidth=0.8, linestyle="--", label="1")
    if report.slope.min() > 0:
        below.set_yscale("log")
    above.set_title(f"from sample {report.first} to sample {report.second}, {report.length:.3g} apart")
    above.set_ylabel("f̂")
    below.set_ylabel("‖∇f̂‖, by unit of x")
    for axes in (above, below):
        axes.set_xlabel("t, the share of the way")
        axes.legend(fontsize="small")


def _around_the_largest_jump(axes: Any, walk: Walk) -> None:
    """With the pieces on its sides: along the whole segment it is too small to be seen."""
    jump, t = walk.largest_jump()
    kink = int(np.argmax(walk.jumps()))
    for i in (side for side in range(kink - 1, kink + 3) if 0 <= side < len(walk)):
        axes.plot([walk.start[i], walk.end[i]], walk.normalized()[i], color=PALETTE[1], linewidth=1.5)
    axes.axvline(t, color="gray", linewidth=0.8, linestyle=":")
    axes.set_title(f"the largest jump seen, {jump:.2g} at t = {t:.5f}")
    axes.set_ylabel("f̂")
    axes.set_xlabel("t, the share of the way")
    axes.ticklabel_format(useOffset=False)
    axes.locator_params(nbins=5)


def _slopes(diagnosis: Diagnosis, figure: Any) -> None:
    axes = figure.subplots()
    walks = [report.walk for report in diagnosis.segments if report.walk is not None]
    drawn = {
        "‖∇f̂‖ at the samples, in all directions": np.concatenate([head.slope.numpy() for head in diagnosis.in_use])
    }
    if walks:
        drawn["|df̂/dt| / ‖Δx‖ along segments, a region each"] = np.concatenate([w.slopes_normalized() for w in walks])
    positive = np.concatenate([slopes[slopes > 0] for slopes in drawn.values()])
    bins = np.geomspace(min(1e-3, positive.min(initial=1e-3)), max(1.0, positive.max(initial=1.0)), 60)
    for label, slopes in drawn.items():
        axes.hist(slopes, bins=bins, weights=np.full(len(slopes), 1 / len(slopes)), alpha=0.6, label=label)
    axes.set_xscale("log")
    axes.axvline(1, color="gray", linewidth=0.8, linestyle="--")
    axes.set_xlabel("slope of f̂, by unit of x (those that are 0 are left out)")
    axes.set_ylabel("share")
    axes.legend(fontsize="small")
