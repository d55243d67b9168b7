"""The findings as a table for the terminal, as one line, and as an exit code; nothing here imports PyTorch."""

import textwrap
from collections.abc import Sequence

from gnref.conformance.finding import Finding
from gnref.conformance.pages import page

VERDICTS = {0: "conforms", 1: "does not conform", 2: "could not be judged"}


def exit_code(findings: Sequence[Finding], strict: bool = False) -> int:
    """0 conforming, 1 not, 2 where the subject could not be judged: its plainest call raises or does not come back.

    A broken robustness law counts only if `strict`; one that is kept although it was declared to fail always does.
    """
    if any(f.plain_fails and f.outcome != "broken" for f in findings):
        return 2
    return int(any(f.wrong and (strict or f.level == "required" or f.outcome == "kept") for f in findings))


def text(findings: Sequence[Finding], name: str, strict: bool = False) -> str:
    """A table of the laws, required ones and robustness apart, and below it each broken law with its snippet."""
    if failed := [f for f in findings if f.plain_fails]:
        return "\n".join(f"{name}{_form(f)}: {f.reason}, on a plain call{_then(f.remedy)}" for f in failed)
    lines: list[str] = []
    for level in ("required", "robustness"):
        rows = _by_law([f for f in findings if f.level == level])
        lines += ["", f"{level:<44} {'float64':<21} {'float32':<21} cases"]
        for law, row in rows.items():
            cells = [next((_cell(f) for f in row if f.dtype == dtype), "") for dtype in ("float64", "float32")]
            lines.append(f"  {law:<42} {cells[0]:<21} {cells[1]:<21} {sum(f.cases for f in row) or ''}".rstrip())
            if reason := next((f.expected or f.reason for f in row if f.outcome == "skipped" or f.expected), ""):
                lines += textwrap.wrap(reason, 112, initial_indent="      ", subsequent_indent="      ")
    for row in _by_law(findings).values():
        if wrong := next((f for f in row if f.wrong), None):
            lines += ["", *_detail(wrong, [f.dtype for f in row if f.wrong])]
    return "\n".join(
        [f"{name}: gradient normalization judged by its laws", *lines, "", summary(findings, name, strict)]
    )


def summary(findings: Sequence[Finding], name: str, strict: bool = False) -> str:
    """One line: how many laws of each level are kept, broken, broken as declared, and left out."""
    parts = []
    for level in ("required", "robustness"):
        rows = list(_by_law([f for f in findings if f.level == level]).values())
        counts = {
            "broken": sum(any(f.wrong for f in row) for row in rows),
            "fail as declared": sum(any(f.expected for f in row) and not any(f.wrong for f in row) for row in rows),
            "left out": sum(all(f.outcome == "skipped" for f in row) for row in rows),
        }
        others = "".join(f", {count} {what}" for what, count in counts.items() if count)
        parts.append(f"{level} {len(rows) - sum(counts.values())} of {len(rows)} kept{others}")
    return f"{name} {VERDICTS[exit_code(findings, strict)]}: {'; '.join(parts)}"


def badge(findings: Sequence[Finding], strict: bool = False) -> str:
    """A few words for a badge: "conforms, 30 of 31 laws"; the laws that count, of those that were not left out."""
    if (code := exit_code(findings, strict)) == 2:
        return VERDICTS[code]
    rows = _by_law([f for f in findings if (strict or f.level == "required") and f.outcome != "skipped"]).values()
    kept = sum(all(f.outcome == "kept" for f in row) for row in rows)
    return f"{VERDICTS[code]}, {kept} of {len(rows)} laws"


def _by_law(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for f in findings:
        found.setdefault(f"{f.law} v{f.version}{_form(f)}", []).append(f)
    return found


def _form(finding: Finding) -> str:
    return " (generator form)" if finding.form == "generator" else ""


def _then(remedy: str) -> str:
    return f"; {remedy}" if remedy else ""


def _cell(finding: Finding) -> str:
    if finding.outcome == "kept":
        if finding.expected:
            return "KEPT, not expected"
        return "kept" if not finding.worst else f"kept, {finding.worst:.2g} of bound"
    return f"{finding.outcome}, as declared" if finding.expected else _in_capitals(finding)


def _in_capitals(finding: Finding) -> str:
    return "left out" if finding.outcome == "skipped" else finding.outcome.upper()


def _detail(finding: Finding, dtypes: Sequence[str]) -> list[str]:
    head = f"{finding.law} v{finding.version}{_form(finding)}, {finding.level}, {' and '.join(dtypes)}"
    if finding.outcome == "kept":
        return [f"KEPT, NOT EXPECTED {head}: declared to fail: {finding.expected}; take the declaration away"]
    told = [f"  {finding.statement}", f"  {finding.reason}"]
    for what, said in (("usual cause", finding.cause), ("remedy", finding.remedy)):
        if said:
            told += textwrap.wrap(said, 112, initial_indent=f"  {what}: ", subsequent_indent="    ")
    told.append(f"  see {page(finding.law)}")
    return [f"{_in_capitals(finding)} {head}", *told, *textwrap.indent(finding.snippet, "    ").splitlines()]
