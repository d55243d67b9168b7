"""Every number of a diagnosis with its unit: lines about the samples, and a table of the segments."""

import torch

from gnref.diagnosis.examine import Diagnosis
from gnref.diagnosis.numbers import in_range, slack
from gnref.diagnosis.segments import SegmentReport

Table = list[list[str]]
"""Rows of cells, the first row being the head."""


def details(diagnosis: Diagnosis) -> list[str]:
    """A line a matter, in evaluation mode unless it says otherwise."""
    subject, cost, used = diagnosis.subject, diagnosis.cost, diagnosis.used
    took = ", ".join(f"{phase} {seconds:.2g} s" for phase, seconds in diagnosis.seconds.items())
    reason = f" ({cost.reason})" if cost.reason else ""
    return [
        f"data: {subject.data}; {len(subject.x)} samples of shape {tuple(subject.x.shape[1:])}",
        f"probes, as it is used, in float64: curvature {used.curved:.1g}, coupling {used.coupled:.1g}, "
        f"gradient off by {used.untrue:.1g} (shares of the gradient: no unit)",
        *(line for head in range(diagnosis.heads) for line in _head_lines(diagnosis, head)),
        f"method: {cost.method}{reason}; a discriminator step on {cost.batch} samples takes {1e3 * cost.normalized:.3g}"
        f" ms of process time with normalization, {1e3 * cost.plain:.3g} ms without: {cost.ratio:.2f} times (same "
        f"network, layout, precision; medians of 3, interleaved, threads: {torch.get_num_threads()})",
        f"took: {took} of wall time",
    ]


def _head_lines(diagnosis: Diagnosis, head: int) -> list[str]:
    subject, used, double = diagnosis.subject, diagnosis.in_use[head], diagnosis.in_double[head]
    dtype, size = subject.x.dtype, subject.x[0].numel()
    name = str(dtype).removeprefix("torch.")
    title = f"head {head + 1}: " if diagnosis.heads > 1 else ""
    values = used.normalized
    saturated = float((values.abs() > 0.99).double().mean())
    exact = int((values.abs() == 1).sum())
    error = float((values[diagnosis.steepest] - double.normalized).abs().max())
    size_of_f_hat = float(values.abs().median())
    ratio = size_of_f_hat / max(1 - size_of_f_hat, torch.finfo(values.dtype).tiny)
    medians = [float(in_range(values, factor).abs().median()) for factor in (0.5, 1.0, 2.0, 127.5)]
    return [
        f"{title}f̂, of no unit, from {values.min():.4g} to {values.max():.4g}, median |f̂| {values.abs().median():.3g}; "
        f"|f̂| > 0.99 on {saturated:.0%}, exactly ±1 on {exact} (no gradient for the hinge loss there)",
        f"{title}f, in D's own unit, from {used.score.min():.4g} to {used.score.max():.4g}; ‖∇f‖, in it by unit of x, "
        f"from {used.norm.min():.4g} to {used.norm.max():.4g}",
        f"{title}largest ‖∇f̂‖, by unit of x, {used.slope.max():.7g} in {name} on all samples; "
        f"{double.slope.max():.9g} in float64 on the {len(double.slope)} steepest of them, by automatic "
        f"differentiation, where rounding alone allows 1 + {slack(size, double.slope.dtype):.1g}",
        f"{title}{name} against float64 on those: f̂ differs by at most {error:.2g}, so two points nearer than "
        f"{2 * error:.1g} can show |Δf̂|/‖Δx‖ above 1 by rounding alone",
        f"{title}saturation: t = f/‖∇f‖, in the unit of x, is {ratio:.3g} in the median, so that a hinge or "
        f"Wasserstein loss hands on 1/(1 + |t|)² = {(1 + ratio) ** -2:.3g} of its gradient in t, the non-saturating "
        f"loss without sigmoid {1 / (1 + ratio):.3g} on the wrong side",
        f"{title}pixel range: f̂ depends on it, f/‖∇f‖ has the unit of x. Median |f̂| of the same function of pixels "
        f"half as wide {medians[0]:.3g}, as given {medians[1]:.3g}, twice {medians[2]:.3g}, "
        f"127.5 times {medians[3]:.3g}",
    ]


def segments_table(diagnosis: Diagnosis) -> Table:
    """A column a segment; f̂ has no unit, lengths have that of x."""
    columns = [_column(report) for report in diagnosis.segments]
    names = [name for name in _UNITS if any(name in column for column in columns)]
    head = ["segments between samples", *(f"{r.first} to {r.second}" for r in diagnosis.segments), "unit"]
    return [head, *([name, *(column.get(name, "") for column in columns), _UNITS[name]] for name in names)]


_UNITS = {
    "length": "of x",
    "linear regions cut": "",
    "which cover": "of the length",
    "largest ‖∇f̂‖ inside a region": "by unit of x, in all directions; at most 1",
    "largest ‖∇f̂‖ at 17 points": "by unit of x, in all directions",
    "steepest f̂ along the segment": "by unit of x, in the regions cut",
    "by slope f̂ changes": "in them",
    "its length would allow": "",
    "by jumps f̂ changes": "at their kinks",
    "the kinks would allow": "whatever f were there",
    "kinks": "",
    "largest jump": "of f̂",
    "at t": "of the way",
    "c in |Δf̂| ≤ ‖Δx‖ + c": "of f̂, the smallest for all pairs in the regions cut",
    "largest |Δf̂|/‖Δx‖ found": "by unit of x, between two points",
    "check on itself": "of f, a few roundings in float64",
}


def _column(report: SegmentReport) -> dict[str, str]:
    found = {"length": f"{report.length:.4g}", "largest |Δf̂|/‖Δx‖ found": f"{report.found.value:.4g}"}
    if (walk := report.walk) is None:
        return found | {"largest ‖∇f̂‖ at 17 points": f"{report.slope.max():.4g}"}
    jump, t = walk.largest_jump()
    return found | {
        "linear regions cut": f"{len(walk)}",
        "which cover": "all" if walk.complete else f"{walk.covered:.2%}",
        "largest ‖∇f̂‖ inside a region": f"{walk.gradient_norms_normalized().max():.4g}",
        "steepest f̂ along the segment": f"{walk.lipschitz()[0]:.4g}",
        "by slope f̂ changes": f"{float(walk.variation()):.3g}",
        "its length would allow": f"{report.length * walk.covered:.3g}",
        "by jumps f̂ changes": f"{float(walk.jumps().sum()):.3g}",
        "the kinks would allow": f"{float(walk.jump_bounds().sum()):.3g}",
        "kinks": f"{int(walk.joined.sum())}",
        "largest jump": f"{jump:.3g}",
        "at t": f"{t:.6f}" if jump else "",
        "c in |Δf̂| ≤ ‖Δx‖ + c": f"{float(walk.excess()):.3g}",
        "check on itself": f"{walk.residual():.1g}",
    }


def as_columns(table: Table) -> list[str]:
    """The table for a terminal: names and units to the left, numbers to the right."""
    widths = [max(len(_plain(row[i])) for row in table) for i in range(len(table[0]))]
    return [
        "  ".join(_padded(cell, widths[i], right=0 < i < len(row) - 1) for i, cell in enumerate(row)).rstrip()
        for row in table
    ]


def _plain(cell: str) -> str:
    """Without combining marks, which take no place: the hat of f̂."""
    return cell.replace("\u0302", "")


def _padded(cell: str, width: int, right: bool) -> str:
    space = " " * (width - len(_plain(cell)))
    return space + cell if right else cell + space
