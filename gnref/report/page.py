"""A report as one static HTML page: no script, no file beside it."""

from collections.abc import Sequence
from html import escape
from typing import Any

from gnref.report.rows import Row, summary

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; color: #1c1c1c; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
th { text-align: left; border-bottom: 2px solid #888; padding: .3rem .6rem; }
td { border-bottom: 1px solid #ddd; padding: .3rem .6rem; vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.verdict { white-space: nowrap; font-weight: 600; }
.confirmed { color: #1a6b2f; } .refuted { color: #8a5a00; }
.UNEXPECTED { color: #b00020; } .skipped { color: #666; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f5f5f2; padding: .6rem; font-size: 12.5px; }
small { color: #555; } details summary { cursor: pointer; }
@media (prefers-color-scheme: dark) {
  body { background: #161616; color: #ddd; }
  td { border-color: #333; } pre { background: #222; } small { color: #aaa; }
  .confirmed { color: #6fcf8b; } .refuted { color: #e0b050; } .UNEXPECTED { color: #ff6b81; } .skipped { color: #999; }
}
"""
_HEAD = ("claim", "status", "verdict", "dtype", "device", "cases", "evidence", "worst error / bound", "seconds")


def as_page(rows: Sequence[Row], seconds: float, title: str, about: dict[str, Any], lead: Sequence[str] = ()) -> str:
    """The whole page: what is to be read first, the summary, a row a claim, and every check below it."""
    described = ", ".join(f"{escape(key)} {escape(str(value))}" for key, value in about.items())
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>\n<h1>{escape(title)}</h1>\n"
        f"{''.join(f'<p>{escape(line)}</p>' for line in lead)}\n"
        f"<p>{_counts(rows)}, in {seconds:.0f} s. <small>{described}</small></p>\n"
        f"{_table(summary(rows), described_as='claim')}\n"
        f"<h2>Every check</h2>\n{_table(rows, described_as='check')}\n</html>\n"
    )


def _counts(rows: Sequence[Row]) -> str:
    found: dict[str, int] = {}
    for row in summary(rows):
        found[row.verdict] = found.get(row.verdict, 0) + 1
    return ", ".join(f"{count} {escape(verdict)}" for verdict, count in found.items())


def _table(rows: Sequence[Row], described_as: str) -> str:
    head = "".join(f"<th>{name}</th>" for name in _HEAD)
    return (
        f"<table><thead><tr>{head}</tr></thead><tbody>\n{''.join(_row(r, described_as) for r in rows)}</tbody></table>"
    )


def _row(row: Row, described_as: str) -> str:
    name = row.check if described_as == "check" else row.source
    share = "" if row.worst is None else "exact" if row.worst == 0 else f"{row.worst:.3g}"
    notes = f"<br><small>{escape(row.reason)}</small>" if row.reason else ""
    if row.counterexample:
        notes += f"<details><summary>counterexample</summary><pre>{escape(row.counterexample)}</pre></details>"
    if row.classes:
        notes += "<br><small>" + escape(", ".join(f"{k}: {v:,}" for k, v in sorted(row.classes.items()))) + "</small>"
    cells = [
        f"<td><b>{escape(row.claim)}</b><br><small>{escape(name)}</small>{notes}</td>",
        f"<td>{escape(row.status)}</td>",
        f'<td class="verdict {row.verdict.split()[0]}">{escape(row.verdict)}</td>',
        f"<td>{escape(row.dtype)}</td><td>{escape(row.device)}</td>",
        f'<td class="number">{row.cases or "":,}</td>' if row.cases else '<td class="number"></td>',
        f"<td>{escape(row.evidence)}</td>",
        f'<td class="number">{share}</td><td class="number">{row.seconds:.1f}</td>',
    ]
    return f"<tr>{''.join(cells)}</tr>\n"
