"""Judged lines, and how a table of them is printed."""

import json
from dataclasses import dataclass

from gnref.evidence.verdict import Finding, exit_code, of_table


@dataclass(frozen=True)
class Line:
    """One judged line: what is printed, what was found, the verdict, and the files it rests on."""

    id: str
    label: str
    printed: str
    ours: str
    finding: Finding
    rests_on: tuple[str, ...] = ()


def as_text(name: str, title: str, lines: list[Line]) -> str:
    """The table as a terminal shows it: one line a cell, the reason below it."""
    head = [title]
    body: list[str] = []
    said, shown = "", tuple[str, ...]()
    for line in lines:
        found = line.finding
        body.append(f"{line.label:<46} {line.printed:>10}  {line.ours:<26} {found.verdict}")
        more = f" (about {found.further} more runs would decide)" if found.further else ""
        body += [f"    {found.reason}{more}"] if found.reason not in ("", said) else []
        body += [f"    evidence: {_files(line.rests_on)}"] if line.rests_on not in ((), shown) else []
        said, shown = found.reason, line.rests_on
    total = of_table([line.finding.verdict for line in lines])
    return "\n".join([*head, "", *body, "", f"{name}: {total}"])


def _files(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= 3 else f"{names[0]} and {len(names) - 1} more"


def as_json(name: str, title: str, lines: list[Line]) -> str:
    """The same for a program."""
    verdicts = [line.finding.verdict for line in lines]
    return json.dumps(
        {
            "artefact": name,
            "verdict": of_table(verdicts),
            "exit_code": exit_code(verdicts),
            "lines": [
                {
                    "id": line.id,
                    "label": line.label,
                    "printed": line.printed,
                    "ours": line.ours,
                    "verdict": line.finding.verdict,
                    "reason": line.finding.reason,
                    "further_runs": line.finding.further,
                    "evidence": line.rests_on,
                }
                for line in lines
            ],
        },
        indent=1,
        ensure_ascii=False,
    )
