"""What `lipschitz.py` found, as Markdown: a table a data set at the end of training, and GN's over training.

python reproductions/jumps.py
"""

import sys
from pathlib import Path

import installed  # noqa: F401 - one sentence where gnref is missing
from lipschitz import METHODS, SETTINGS, SHARES, Setting, at, records

from gnref.errors import UserError
from gnref.evidence import Options, Record

_COLUMNS = {
    "slope": "by slope",
    "jumps": "by jumps",
    "kinks": "kinks a segment",
    "jump50": "median jump",
    "jump99": "99th percentile",
    "largest_jump": "largest",
    "excess": "c, median",
    "largest_excess": "c, largest",
    "largest_quotient": "&#124;Δf̂&#124;/‖Δx‖ of two samples, largest",
}


def page(options: Options) -> str:
    """A section a data set."""
    return "\n\n".join(part for setting in SETTINGS for part in _section(setting, options))


def _section(setting: Setting, options: Options) -> list[str]:
    found = {label: records(setting, method, options) for method, label in METHODS.items()}
    count = min(len(runs) for runs in found.values())
    if not count:
        return [f"{setting.name}: not run."]
    segments = 3 * setting.pairs
    told = f"**{setting.name}**, {count} seeds, {setting.steps} steps, {segments} segments at each moment."
    return [
        f"{told} At the end of training:",
        _table("trained with", {label: (runs, SHARES[-1]) for label, runs in found.items()}),
        "GN's over training:",
        _table("share of training", {f"{share:g}": (found[METHODS["gn"]], share) for share in SHARES}),
    ]


def _table(head: str, rows: dict[str, tuple[list[Record], float]]) -> str:
    lines = [[head, *_COLUMNS.values()], ["---"] * (1 + len(_COLUMNS))]
    for label, (runs, share) in rows.items():
        lines.append([label, *(_number(at(runs, share, name)) for name in _COLUMNS)])
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


if __name__ == "__main__":
    try:
        print(page(Options(Path(__file__).parent)))
    except UserError as mistake:
        sys.exit(f"jumps: {mistake}")
