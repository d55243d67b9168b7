"""A diagnosis in a few plain lines: the answer, what to do, what one gets and what it costs."""

from gnref.diagnosis.examine import Diagnosis
from gnref.diagnosis.segments import SegmentReport


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
        "What you get: inside each linear region the normalized score has slope (1 - |f̂|)² ≤ 1. "
        + jump_line(max(diagnosis.segments, key=leap)),
    ]
    cost = diagnosis.cost
    lines.append(
        f"What it costs: a step takes {cost.ratio:.2f} times as long; gradient_normalize computes its gradient by "
        f"{cost.method}."
    )
    if diagnosis.subject.reduce == "mean" and diagnosis.maps:
        lines.append('Its dense maps are normalized by their mean: call gradient_normalize(..., reduce="mean").')
    if not diagnosis.repeatable:
        lines.append(
            "Its scores change from call to call in the mode it is in (dropout, or a spectral norm's power iteration): "
            "each call is one function for which the above holds; the numbers below are of evaluation mode."
        )
    return lines


def _failures(diagnosis: Diagnosis) -> list[str]:
    lines = [] if diagnosis.one_score else [map_fault(diagnosis)]
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


def map_fault(diagnosis: Diagnosis) -> str:
    """What is wrong with scores that are maps, with their shapes."""
    shapes = " and ".join(str(("N", *shape[1:])).replace("'", "") for shape in diagnosis.maps)
    return f"its scores are dense maps of shape {shapes}, which have no single gradient norm"


def leap(report: SegmentReport) -> float:
    """The largest jump of f̂ seen on a segment."""
    return report.walk.largest_jump()[0] if report.walk is not None else 0.0


def jump_line(report: SegmentReport) -> str:
    """What a segment's kinks do to f̂, and a pair of points that is nearer than its values."""
    if report.walk is None:
        return "Across kinks f̂ can jump; none was looked for."
    walk = report.walk
    kinks, (jump, t) = int(walk.joined.sum()), walk.largest_jump()
    if not jump:
        return f"No jump of f̂ across the {kinks} kinks seen between samples {report.first} and {report.second}."
    return (
        f"Across kinks f̂ jumps: by up to {jump:.3g} at the {kinks} kinks seen between samples {report.first} and "
        f"{report.second} (t = {t:.6f}), so f̂ as a whole is not 1-Lipschitz: two points on its sides, less than "
        f"{jump:.2g} apart (of {report.length:.3g} between the samples), differ by more than their distance. On what "
        f"was seen there |Δf̂| ≤ ‖Δx‖ + {float(walk.excess()):.2g}."
    )
