"""The findings as a JSON document, whose shape `findings.schema.json` beside this file says."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from gnref.conformance.finding import Finding
from gnref.conformance.options import Options
from gnref.conformance.pages import page
from gnref.conformance.show import VERDICTS, badge, exit_code

VERSION = 2
"""Raised whenever a field changes its meaning or goes; a new field does not raise it."""


def to_json(findings: Sequence[Finding], about: Mapping[str, str | None], options: Options) -> str:
    """Everything that was found, with the verdict, what was judged, and how."""
    code = exit_code(findings, options.strict)
    rows: list[dict[str, Any]] = [{**asdict(f), "wrong": f.wrong, "page": page(f.law)} for f in findings]
    report = {
        "schema": VERSION,
        "verdict": VERDICTS[code],
        "exit_code": code,
        "badge": badge(findings, options.strict),
        "about": dict(about),
        "options": asdict(options),
        "findings": rows,
    }
    return json.dumps(report, indent=1, ensure_ascii=False, default=str) + "\n"
