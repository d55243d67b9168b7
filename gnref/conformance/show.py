"""The findings as a table for the terminal, as JSON, and as an exit code."""

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from gnref.conformance.judge import Finding

SCHEMA = 1
"""The version of the JSON file's shape."""


def exit_code(findings: Sequence[Finding], strict: bool = False) -> int:
    """0 conforming, 1 not, 2 where the subject could not be judged: it raises on the plainest call or never returns.

    A broken robustness law counts only if `strict`; one that is kept although it was declared to fail always does.
    """
    if any(f.outcome == "never returned" or (f.law == "plain-call" and f.outcome == "raised") for f in findings):
        return 2
    return int(any(f.wrong and (strict or f.level == "required" or f.outcome == "kept") for f in findings))


def text(findings: Sequence[Finding], name: str, strict: bool = False) -> str:
    """A table of the laws, required ones and robustness apart, and below it each broken law with its snippet."""
    if failed := [f for f in findings if f.law == "plain-call" and f.wrong]:
        return "\n".join(f"{name}{_form(f)}: {f.reason}, on a plain call" for f in failed)
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
    verdict = {0: "conforms", 1: "does not conform", 2: "could not be judged"}[exit_code(findings, strict)]
    return f"{name} {verdict}: {'; '.join(parts)}"


def to_json(findings: Sequence[Finding], about: Mapping[str, Any], strict: bool = False) -> str:
    """Everything, with the version of the file's shape, of every law, and the exit code."""
    rows = [{**asdict(f), "wrong": f.wrong} for f in findings]
    report = {"schema": SCHEMA, "about": dict(about), "exit_code": exit_code(findings, strict), "findings": rows}
    return json.dumps(report, indent=1, ensure_ascii=False) + "\n"


def _by_law(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for f in findings:
        found.setdefault(f"{f.law} v{f.version}{_form(f)}", []).append(f)
    return found


def _form(finding: Finding) -> str:
    return " (generator form)" if finding.form == "generator" else ""


def _cell(finding: Finding) -> str:
    if finding.outcome == "kept":
        if finding.expected:
            return "KEPT, not expected"
        return "kept" if not finding.worst else f"kept, {finding.worst:.2g} of bound"
    return f"{finding.outcome}, as declared" if finding.expected else _shouted(finding)


def _shouted(finding: Finding) -> str:
    return "left out" if finding.outcome == "skipped" else finding.outcome.upper()


def _detail(finding: Finding, dtypes: Sequence[str]) -> list[str]:
    head = f"{finding.law} v{finding.version}{_form(finding)}, {finding.level}, {' and '.join(dtypes)}"
    if finding.outcome == "kept":
        return [f"KEPT, NOT EXPECTED {head}: declared to fail: {finding.expected}"]
    snippet = textwrap.indent(finding.snippet, "    ").splitlines()
    return [f"{_shouted(finding)} {head}", f"  {finding.statement}", f"  {finding.reason}", *snippet]
