"""Two pictures of a diagnosis: f̂ and ‖∇f̂‖ along the segment with the steepest quotient, and a histogram of slopes."""

import io
from pathlib import Path
from typing import Any

import numpy as np

from gnref.diagnosis.diagnose import Diagnosis
from gnref.errors import UserError
from gnref.files import write_atomically


def draw(diagnosis: Diagnosis, folder: Path) -> list[Path]:
    """Write segment.png and slopes.png into a folder, which is made if need be."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise UserError("--plot needs matplotlib; install it with: pip install 'gnref[figures]'") from None
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, draw_on in (("segment.png", _segment), ("slopes.png", _slopes)):
        figure = Figure(figsize=(7, 4.5), layout="constrained")
        FigureCanvasAgg(figure)
        draw_on(diagnosis, figure)
        drawn.append(folder / name)
        _save(figure, folder / name)
    return drawn


def _segment(diagnosis: Diagnosis, figure: Any) -> None:
    report = max(diagnosis.segments, key=lambda report: report.found.value)
    above, below = figure.subplots(2, 1, sharex=True)
    above.plot(report.t, report.normalized, ".-", color="tab:blue", markersize=3, linewidth=0.8, label="sampled")
    below.plot(report.t, report.slope, ".-", color="tab:blue", markersize=3, linewidth=0.8, label="sampled")
    if report.walk is not None:
        walk = report.walk
        ends = np.stack([walk.start, walk.end, np.full(len(walk), np.nan)], axis=1).ravel()
        values = np.concatenate([walk.normalized(), np.full((len(walk), 1), np.nan)], axis=1)
        above.plot(ends, values.ravel(), color="tab:red", linewidth=1.5, label="certified")
        slopes = np.where(walk.norms[:, None] > 0, (1 - np.abs(values)) ** 2, 0)
        below.plot(ends, slopes.ravel(), color="tab:red", linewidth=1.5, label="certified")
    below.axhline(1, color="gray", linewidth=0.8, linestyle="--")
    above.set_title(f"from sample {report.first} to sample {report.second}, {report.length:.3g} apart")
    above.set_ylabel("f̂")
    below.set_ylabel("‖∇f̂‖")
    below.set_xlabel("t")
    above.legend(fontsize="small")


def _slopes(diagnosis: Diagnosis, figure: Any) -> None:
    axes = figure.subplots()
    walks = [report.walk for report in diagnosis.segments if report.walk is not None]
    drawn = {"‖∇f̂‖ at the samples": np.concatenate([head.slope.numpy() for head in diagnosis.in_use])}
    if walks:
        drawn["|df̂/dt| / ‖Δx‖ along segments, a region each"] = np.concatenate([w.slopes_normalized() for w in walks])
    positive = np.concatenate([slopes[slopes > 0] for slopes in drawn.values()])
    bins = np.geomspace(min(1e-3, positive.min(initial=1e-3)), max(1.0, positive.max(initial=1.0)), 60)
    for label, slopes in drawn.items():
        axes.hist(slopes, bins=bins, weights=np.full(len(slopes), 1 / len(slopes)), alpha=0.6, label=label)
    axes.set_xscale("log")
    axes.axvline(1, color="gray", linewidth=0.8, linestyle="--")
    axes.set_xlabel("slope of f̂ (those that are 0 are left out)")
    axes.set_ylabel("share")
    axes.legend(fontsize="small")


def _save(figure: Any, path: Path) -> None:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=120)
    write_atomically(path, content.getvalue())
