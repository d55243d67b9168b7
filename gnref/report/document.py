"""A report as JSON, and both of its files written."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gnref.files import write_atomically
from gnref.report.lesson import Lesson
from gnref.report.page import as_page
from gnref.report.rows import Row, exit_code, summary

SCHEMA = 1
"""The version of the JSON file's shape: a number that a reader of it can refuse."""


def as_json(rows: Sequence[Row], seconds: float, about: dict[str, Any]) -> str:
    """The report as JSON: schema, what ran, the total time, every row and the summary."""
    report = {
        "schema": SCHEMA,
        "about": about,
        "seconds": round(seconds, 2),
        "exit_code": exit_code(rows),
        "summary": [asdict(row) for row in summary(rows)],
        "rows": [asdict(row) for row in rows],
    }
    return json.dumps(report, indent=1, ensure_ascii=False) + "\n"


def write(
    rows: Sequence[Row],
    folder: Path,
    seconds: float,
    title: str,
    about: dict[str, Any],
    lessons: Mapping[str, Lesson] | None = None,
) -> list[Path]:
    """Write verification.json and verification.html into `folder`, each at once or not at all."""
    texts = {
        "verification.json": as_json(rows, seconds, about),
        "verification.html": as_page(rows, seconds, title, about, lessons=lessons),
    }
    for name, text in texts.items():
        write_atomically(folder / name, text)
    return [folder / name for name in texts]
