"""A diagnosis in words: the conclusion first, then what to do, then the numbers; and as rows of the one report."""

import torch

from gnref.diagnosis.examine import Diagnosis
from gnref.diagnosis.numbers import in_range, slack
from gnref.diagnosis.segments import SegmentReport
from gnref.report import Row


def conclusion(diagnosis: Diagnosis) -> list[str]:
    """A few plain lines: do the premises hold, what follows, and what it costs."""
    name = diagnosis.subject.name
    if not diagnosis.holds:
        lines = [f"The premises of gradient normalization do NOT hold for {name}:"]
        lines += [f"  - {line}" for line in _failures(diagnosis)]
        lines += ["What to do:", *(f"  - {line}" for line in _remedies(diagnosis))]
        return lines
    lines = [
        f"The premises hold for {name}: one score a sample, piecewise linear in x, samples not coupled.",
        "What to do: train it with f_hat = gnref.gradient_normalize(D, x), or D = gnref.GradientNormalized(D).",
        "What you get: inside each linear region the normalized score has slope (1 - |f̂|)² <= 1. "
        + _jump_line(max(diagnosis.segments, key=_leap)),
    ]
    if diagnosis.subject.reduce == "mean" and diagnosis.maps:
        lines.append('Its dense maps are normalized by their mean: call gradient_normalize(..., reduce="mean").')
    if not diagnosis.repeatable:
        lines.append(
            "Its scores change from call to call in the mode it is in (dropout, or a spectral norm's power iteration): "
            "each call is one function for which the above holds; the numbers below are of evaluation mode."
        )
    cost = diagnosis.cost
    lines.append(
        f"gradient_normalize computes its gradient by {cost.method}; a step takes {cost.ratio:.2f} times as long."
    )
    return lines


def details(diagnosis: Diagnosis) -> list[str]:
    """Every number, a line each, in evaluation mode unless it says otherwise."""
    subject, cost = diagnosis.subject, diagnosis.cost
    lines = [f"data: {subject.data}; {len(subject.x)} samples of shape {tuple(subject.x.shape[1:])}"]
    used = diagnosis.used
    lines.append(
        f"probes, as it is used: curvature {used.curved:.1g}, coupling {used.coupled:.1g}, "
        f"gradient off by {used.untrue:.1g}"
    )
    for head in range(diagnosis.heads):
        lines += _head_lines(diagnosis, head)
    for report in diagnosis.segments:
        lines += _segment_lines(report)
    reason = f" ({cost.reason})" if cost.reason else ""
    lines.append(
        f"method: {cost.method}{reason}; a discriminator step on {cost.batch} samples: {1e3 * cost.normalized:.1f} ms "
        f"of process time with, {1e3 * cost.plain:.1f} ms without normalization: {cost.ratio:.2f} times (same network, "
        f"layout, precision; medians of 3, interleaved, {torch.get_num_threads()} threads)"
    )
    return lines


def rows(diagnosis: Diagnosis) -> list[Row]:
    """The findings as rows of the report."""
    source = diagnosis.subject.name
    dtype = str(diagnosis.subject.x.dtype).removeprefix("torch.")
    premises = [
        ("one-score-per-sample", diagnosis.one_score, _map_fault(diagnosis), "count"),
        ("samples-uncoupled", diagnosis.uncoupled, _fault(diagnosis, "coupled"), "derived bound"),
        ("piecewise-linear", diagnosis.piecewise_linear, _fault(diagnosis, "curved", "untrue"), "derived bound"),
    ]
    found = [
        Row(
            name, source, "premise", "confirmed" if holds else "UNEXPECTED", name, "" if holds else fault, evidence=kind
        )
        for name, holds, fault, kind in premises
    ]
    values = torch.cat([head.normalized for head in diagnosis.in_use])
    bounded = bool((values.abs() <= 1).all())
    found.append(
        Row(
            "output-range",
            source,
            "holds",
            "confirmed" if bounded else "UNEXPECTED",
            "every sample's |f̂| <= 1",
            f"f̂ from {values.min():.4g} to {values.max():.4g}",
            dtype,
            cases=len(values),
            evidence="equality",
        )
    )
    return [*found, *_slope_rows(diagnosis, source)]


def _slope_rows(diagnosis: Diagnosis, source: str) -> list[Row]:
    walks = [(report, report.walk) for report in diagnosis.segments if report.walk is not None]
    if not diagnosis.piecewise_linear or not walks:
        reason = "the discriminator is not piecewise linear"
        return [Row("theorem-6-almost-everywhere", source, "not claimed", "skipped", "segments", reason)]
    regions = sum(len(walk) for _, walk in walks)
    slope = max(walk.lipschitz()[0] for _, walk in walks)
    report = max(diagnosis.segments, key=_leap)
    jump = _leap(report)
    return [
        Row(
            "theorem-6-almost-everywhere",
            source,
            "holds almost everywhere",
            "confirmed" if slope <= 1 else "UNEXPECTED",
            "slopes of f̂ inside the regions of segments between samples",
            f"largest slope {slope:.6g}",
            "float64",
            cases=regions,
            evidence="certificate",
            worst=slope,
        ),
        Row(
            "theorem-6-global",
            source,
            "false as used",
            "refuted as expected" if jump else "confirmed",
            "jumps of f̂ at the kinks of segments between samples",
            _jump_line(report),
            "float64",
            cases=sum(int(walk.joined.sum()) for _, walk in walks),
            evidence="certificate",
            counterexample=_where(report) if jump else "",
        ),
    ]


def _failures(diagnosis: Diagnosis) -> list[str]:
    lines = [] if diagnosis.one_score else [_map_fault(diagnosis)]
    lines += [f"{part.name} ({part.kind}) {part.fault}" for part in diagnosis.broken]
    known = {part.name for part in diagnosis.broken}
    lines += [f"{name} ({kind}) couples samples" for name, kind in diagnosis.coupling_by_structure if name not in known]
    if not diagnosis.broken:
        lines += [f"as a whole it {fault}" for fault in diagnosis.used.faults().values()]
    if not diagnosis.joins:
        lines.append("its linear pieces do not join: it has a jump, or a kink that was not seen, along a segment")
    return lines


def _remedies(diagnosis: Diagnosis) -> list[str]:
    lines = [f"{part.name} ({part.kind}): {part.remedy}" for part in diagnosis.broken]
    known = {part.name for part in diagnosis.broken}
    lines += [
        f"{name} ({kind}): remove it, or put it in evaluation mode"
        for name, kind in diagnosis.coupling_by_structure
        if name not in known
    ]
    if not diagnosis.one_score:
        lines.append('the dense maps: pass reduce="mean" (here: --reduce mean), which normalizes the mean of each map')
    return lines or ["look for an operation that steps, or that PyTorch does not differentiate, in its forward"]


def _map_fault(diagnosis: Diagnosis) -> str:
    shapes = " and ".join(str(("N", *shape[1:])).replace("'", "") for shape in diagnosis.maps)
    return f"its scores are dense maps of shape {shapes}, which have no single gradient norm"


def _fault(diagnosis: Diagnosis, *kinds: str) -> str:
    faults = diagnosis.used.faults()
    told = [faults[kind] for kind in kinds if kind in faults]
    told += [f"{part.name} ({part.kind}) {part.fault}" for part in diagnosis.broken]
    return "; ".join(told) or "; ".join(f"{name} ({kind})" for name, kind in diagnosis.coupling_by_structure)


def _head_lines(diagnosis: Diagnosis, head: int) -> list[str]:
    subject, used, double = diagnosis.subject, diagnosis.in_use[head], diagnosis.in_double[head]
    dtype, size = subject.x.dtype, subject.x[0].numel()
    name = str(dtype).removeprefix("torch.")
    title = f"head {head + 1}: " if diagnosis.heads > 1 else ""
    values = used.normalized
    saturated = float((values.abs() > 0.99).double().mean())
    exact = int((values.abs() == 1).sum())
    error = float((values[: len(double.normalized)] - double.normalized).abs().max())
    size_of_f_hat = float(values.abs().median())
    ratio = size_of_f_hat / max(1 - size_of_f_hat, torch.finfo(values.dtype).tiny)
    medians = [float(in_range(values, factor).abs().median()) for factor in (0.5, 1.0, 2.0, 127.5)]
    return [
        f"{title}f̂ from {values.min():.4g} to {values.max():.4g}, median |f̂| {values.abs().median():.3g}; "
        f"|f̂| > 0.99 on {saturated:.0%}, exactly ±1 on {exact} (no gradient for the hinge loss there)",
        f"{title}f from {used.score.min():.4g} to {used.score.max():.4g}, "
        f"‖∇f‖ from {used.norm.min():.4g} to {used.norm.max():.4g}",
        f"{title}largest ‖∇f̂‖ {double.slope.max():.9g} in float64 (first {len(double.slope)} samples), "
        f"{used.slope.max():.7g} in {name} (all); rounding alone allows {1 + slack(size, dtype):.7g} there",
        f"{title}{name} against float64: f̂ differs by at most {error:.2g}, so two points nearer than {2 * error:.1g} "
        f"can show |Δf̂|/‖Δx‖ above 1 by rounding alone",
        f"{title}saturation: t = f/‖∇f‖ is {ratio:.3g} in the median, so that a hinge or Wasserstein loss hands on "
        f"1/(1 + |t|)² = {(1 + ratio) ** -2:.3g} of its gradient in t, the non-saturating loss without sigmoid "
        f"{1 / (1 + ratio):.3g} on the wrong side",
        f"{title}pixel range: f̂ depends on it, f/‖∇f‖ has the unit of x. Median |f̂| of the same function of pixels "
        f"half as wide {medians[0]:.3g}, as given {medians[1]:.3g}, twice {medians[2]:.3g}, "
        f"127.5 times {medians[3]:.3g}",
    ]


def _segment_lines(report: SegmentReport) -> list[str]:
    title = f"segment from sample {report.first} to {report.second} (length {report.length:.4g})"
    found = report.found
    quotient = f"largest |Δf̂|/‖Δx‖ found {found.value:.4g}, between t = {found.t:.6f} and {found.gap:.2g} further on"
    if report.walk is None:
        return [f"{title}: sampled at {len(report.t)} points, largest ‖∇f̂‖ {report.slope.max():.4g}, {quotient}"]
    walk = report.walk
    slope, where = walk.lipschitz()
    norms, jumps = walk.gradient_norms_normalized(), float(walk.jumps().sum())
    scope = "all of it" if walk.complete else f"{walk.covered:.2%} of it, the rest sampled at {len(report.t)} points"
    return [
        f"{title}: {len(walk)} linear regions certified, {scope}",
        f"  - inside a region ‖∇f̂‖, in all directions, is at most {norms.max():.6g}; the slope of f̂ along the segment "
        f"at most {slope:.3g}, at t = {where:.6f}",
        f"  - in them f̂ changes by {float(walk.variation()):.3g} through slope, of {report.length * walk.covered:.3g} "
        f"allowed, and by {jumps:.3g} through jumps, of {float(walk.jump_bounds().sum()):.3g} that its kinks allow",
        f"  - {_jump_line(report)}",
        f"  - {quotient}; check on itself: {walk.residual():.1g}",
    ]


def _leap(report: SegmentReport) -> float:
    return report.walk.largest_jump()[0] if report.walk is not None else 0.0


def _jump_line(report: SegmentReport) -> str:
    if report.walk is None:
        return "Across kinks f̂ can jump; none was looked for."
    kinks = int(report.walk.joined.sum())
    jump, t = report.walk.largest_jump()
    if not jump:
        return f"No jump of f̂ across the {kinks} kinks seen between samples {report.first} and {report.second}."
    return (
        f"Across kinks f̂ jumps: by up to {jump:.3g} at the {kinks} kinks seen between samples {report.first} and "
        f"{report.second} (t = {t:.6f}), so f̂ as a whole is not 1-Lipschitz: two points on its sides, less than "
        f"{jump:.2g} apart (of {report.length:.3g} between the samples), differ by more than their distance."
    )


def _where(report: SegmentReport) -> str:
    jump, t = report.walk.largest_jump() if report.walk is not None else (0.0, 0.0)
    return f"f̂ leaps by {jump:.6g} at x = (1 - t) x[{report.first}] + t x[{report.second}], t = {t!r}"
