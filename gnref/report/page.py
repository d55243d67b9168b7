"""A report as one static HTML page: no script, nothing loaded from elsewhere."""

from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from gnref.report.lesson import Lesson
from gnref.report.rows import Row, summary
from gnref.report.style import STYLE

_MARKS = {
    "true": "holds",
    "partly": "says nothing as printed, or does not extend",
    "false": "false as printed, or as used",
    "open": "measured, or not claimed",
}
_LEGEND = {
    "true": "it holds, everywhere or with the exceptions and assumptions that its status names",
    "partly": "as printed it says nothing (vacuous), or it does not extend to what a reader may take it for",
    "false": "it is false as printed, or false for the networks that the paper applies it to",
    "open": "it is a measured number, or nothing is claimed about it here",
}


def as_page(
    rows: Sequence[Row],
    seconds: float,
    title: str,
    about: Mapping[str, Any],
    lead: Sequence[str] = (),
    details: Sequence[str] = (),
    lessons: Mapping[str, Lesson] | None = None,
    pictures: Mapping[str, bytes] | None = None,
    table: Sequence[Sequence[str]] = (),
) -> str:
    """The whole page: a row a claim, which opens to what the claim says, why it has its status, and every check.

    Args:
        rows: The checks.
        seconds: How long they took.
        title: The page's heading.
        about: What ran, and on what.
        lead: What is to be read first.
        details: Further lines, folded.
        lessons: What is said of a claim, by its id.
        pictures: PNG files by their captions; they become part of the page.
        table: Numbers above the details, the head first: names to the left, units to the right.
    """
    described = ", ".join(f"{escape(key)} {escape(str(value))}" for key, value in about.items())
    checks: dict[str, list[Row]] = {}
    for row in rows:
        checks.setdefault(row.claim, []).append(row)
    first, *others = lead or ("",)
    parts = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
        f'<p class="lead">{escape(first)}</p>' if first else "",
        *(f"<p>{escape(line)}</p>" for line in others),
        f"<p>{_counts(rows)}, in {_time(seconds)}. <small>{described}</small></p>",
        _legend(),
        *(_claim(row, checks[row.claim], (lessons or {}).get(row.claim)) for row in summary(rows)),
        *(_picture(caption, content) for caption, content in (pictures or {}).items()),
        _folded("more", "Every number", _numbers(table) + _lines(details)) if details else "",
        "</body></html>",
    ]
    return "\n".join(filter(None, parts)) + "\n"


def status_kind(status: str) -> str:
    """Which of the four colours a status has."""
    if status.startswith(("vacuous", "does not extend")):
        return "partly"
    if status.startswith("false"):
        return "false"
    return "true" if status.startswith(("holds", "premise", "float-limited")) else "open"


def _counts(rows: Sequence[Row]) -> str:
    found = Counter(row.verdict for row in summary(rows))
    return ", ".join(f"{count} {escape(verdict)}" for verdict, count in found.items())


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"


def _legend() -> str:
    lines = "".join(
        f'<dt><span class="{kind}">{_MARKS[kind]}</span></dt><dd>{told}</dd>' for kind, told in _LEGEND.items()
    )
    verdicts = (
        "<dt>confirmed</dt><dd>its checks passed</dd>"
        "<dt>refuted as expected</dt><dd>its counterexample shows again that it is false as stated</dd>"
        '<dt><span class="UNEXPECTED">UNEXPECTED</span></dt><dd>a check came out otherwise than it should</dd>'
        "<dt>skipped</dt><dd>not checked here; the row says why</dd>"
        "<dt>error/bound, bound/value</dt><dd>the largest error as a share of what its derivation allows, and that as "
        "a share of what is judged: a smaller fault cannot be seen</dd>"
    )
    marks = " ".join(f'<span class="{kind}">{told}</span>' for kind, told in _MARKS.items())
    more = f"<dl>{lines}{verdicts}</dl><p>A row opens to what is behind it.</p>"
    return f'<p class="marks">{marks}</p>' + _folded("legend", "How to read this", more)


def _folded(kind: str, title: str, content: str) -> str:
    return f'<details class="{kind}"><summary>{escape(title)}</summary>{content}</details>'


def _claim(row: Row, checks: Sequence[Row], lesson: Lesson | None) -> str:
    says = f'<span class="says">{escape(lesson.statement)}</span>' if lesson else ""
    flag = " UNEXPECTED" if row.verdict == "UNEXPECTED" else ""
    # The anchor lies inside: a browser that is sent to it opens the row.
    return (
        f'<details class="row"><summary><span><span class="name">{escape(row.claim)}</span>{says}</span>'
        f'<span class="{status_kind(row.status)}">{escape(row.status)}</span>'
        f'<span><span class="verdict{flag}">{escape(row.verdict)}</span></span></summary>\n'
        f'<div class="inside" id="{escape(row.claim)}">{_lesson(row, lesson)}{_facts(row)}{_checks(checks)}'
        f'<p><a href="#{escape(row.claim)}">link to this row</a></p></div></details>'
    )


def _lesson(row: Row, lesson: Lesson | None) -> str:
    if lesson is None:
        return f"<dl><dt>About</dt><dd>{escape(row.source)}</dd></dl>"
    fields = {
        "Where": row.source,
        "Reading": lesson.reading,
        "Hypotheses": lesson.hypotheses,
        "Why": lesson.why,
    }
    told = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in fields.items() if text)
    work = f"<h2>{escape(lesson.work_title)}</h2><pre>{escape(chr(10).join(lesson.work))}</pre>" if lesson.work else ""
    return f"<dl>{told}</dl>{work}"


def _facts(row: Row) -> str:
    share = "" if row.worst is None else "0: exact" if row.worst == 0 else f"{row.worst:.3g}"
    fields = {
        "Came out": row.reason,
        "Evidence": row.evidence,
        "Cases": f"{row.cases:,}" if row.cases else "",
        "Error/bound": share,
        "Bound/value": "" if row.allowed is None else f"{row.allowed:.2g}",
        "Numbers": ", ".join(filter(None, (row.dtype, row.device))),
        "Seconds": f"{row.seconds:.2g}" if row.seconds else "",
    }
    told = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in fields.items() if text)
    found = f"<h2>Counterexample found</h2><pre>{escape(row.counterexample)}</pre>" if row.counterexample else ""
    return (f"<dl>{told}</dl>" if told else "") + found


def _checks(checks: Sequence[Row]) -> str:
    named = [check for check in checks if check.check]
    if not named:
        return ""
    numbers = "".join(f'<th class="number">{name}</th>' for name in ("cases", "error/bound", "bound/value", "seconds"))
    head = f"<tr><th>check</th><th>verdict</th><th>dtype</th>{numbers}</tr>"
    lines = "".join(_check(check) for check in named)
    table = f'<div class="scroll"><table class="numbers">{head}{lines}</table></div>'
    return _folded("checks", f"{len(named)} check{'s' if len(named) > 1 else ''}", table)


def _check(row: Row) -> str:
    classes = ", ".join(f"{name}: {count:,}" for name, count in sorted(row.classes.items()))
    notes = "".join(f"<br><small>{escape(text)}</small>" for text in (row.reason, classes) if text)
    share = "" if row.worst is None else "exact" if row.worst == 0 else f"{row.worst:.3g}"
    allowed = "" if row.allowed is None else f"{row.allowed:.2g}"
    cells = (f"{row.cases:,}" if row.cases else "", share, allowed, f"{row.seconds:.2g}" if row.seconds else "")
    numbers = "".join(f'<td class="number">{cell}</td>' for cell in cells)
    flag = ' class="UNEXPECTED"' if row.verdict == "UNEXPECTED" else ""
    return (
        f"<tr><td>{escape(row.check)}{notes}</td><td><span{flag}>{escape(row.verdict)}</span></td>"
        f"<td>{escape(row.dtype)}</td>{numbers}</tr>"
    )


def _numbers(table: Sequence[Sequence[str]]) -> str:
    if not table:
        return ""

    def line(cells: Sequence[str], tag: str) -> str:
        classes = ["", *[' class="number"'] * (len(cells) - 2), ""]
        return "".join(f"<{tag}{kind}>{escape(cell)}</{tag}>" for kind, cell in zip(classes, cells, strict=True))

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in table[1:])
    return f'<div class="scroll"><table class="numbers"><tr>{line(table[0], "th")}</tr>{body}</table></div>'


def _lines(details: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in details) + "</ul>"


def _picture(caption: str, content: bytes) -> str:
    source = f"data:image/png;base64,{b64encode(content).decode()}"
    return f'<figure><img src="{source}" alt="{escape(caption)}"><figcaption>{escape(caption)}</figcaption></figure>'
