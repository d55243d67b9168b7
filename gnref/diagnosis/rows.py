"""A diagnosis as rows of the one report: its premises, the range of f̂, and Theorem 6 along the segments."""

import torch

from gnref.diagnosis.examine import Diagnosis
from gnref.diagnosis.segments import SegmentReport
from gnref.diagnosis.show import jump_line, leap, map_fault
from gnref.report import Row


def rows(diagnosis: Diagnosis) -> list[Row]:
    """The findings as rows of the report."""
    source = diagnosis.subject.name
    dtype = str(diagnosis.subject.x.dtype).removeprefix("torch.")
    premises = [
        ("one-score-per-sample", diagnosis.one_score, map_fault(diagnosis), "count"),
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
    report = max(diagnosis.segments, key=leap)
    jump = leap(report)
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
            jump_line(report),
            "float64",
            cases=sum(int(walk.joined.sum()) for _, walk in walks),
            evidence="certificate",
            counterexample=_where(report) if jump else "",
        ),
    ]


def _fault(diagnosis: Diagnosis, *kinds: str) -> str:
    faults = diagnosis.used.faults()
    told = [faults[kind] for kind in kinds if kind in faults]
    told += [f"{part.name} ({part.kind}) {part.fault}" for part in diagnosis.broken]
    return "; ".join(told) or "; ".join(f"{name} ({kind})" for name, kind in diagnosis.coupling_by_structure)


def _where(report: SegmentReport) -> str:
    jump, t = report.walk.largest_jump() if report.walk is not None else (0.0, 0.0)
    return f"f̂ leaps by {jump:.6g} at x = (1 - t) x[{report.first}] + t x[{report.second}], t = {t!r}"
