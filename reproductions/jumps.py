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
    found = {label: runs for method, label in METHODS.items() if (runs := records(setting, method, options))}
    told = f"**{setting.name}**, {setting.steps} steps, {3 * setting.pairs} segments a seed at each moment."
    parts = [f"{told} At the end of training:", _table("trained with", {k: (v, SHARES[-1]) for k, v in found.items()})]
    if gn := found.get(METHODS["gn"]):
        parts.insert(0, _answer(setting.name, gn))
        parts += ["GN over training:", _table("share of training", {f"{share:g}": (gn, share) for share in SHARES})]
    return parts


def _answer(name: str, gn: list[Record]) -> str:
    slope, jumps, middle, c, most = (
        at(gn, SHARES[-1], score) for score in ("slope", "jumps", "jump50", "excess", "largest_excess")
    )
    return (
        f"On {name} the f̂ of GN, which lies between -1 and 1, is 1-Lipschitz but for c = {_number(c)} in the median "
        f"over segments, {_number(most)} on the worst. Its median jump is {_number(middle)}, and "
        f"{jumps / (jumps + slope):.0%} of what it changes along a segment is jumps."
    )


def _table(head: str, rows: dict[str, tuple[list[Record], float]]) -> str:
    lines = [[head, "seeds", *_COLUMNS.values()], ["---"] * (2 + len(_COLUMNS))]
    for label, (runs, share) in rows.items():
        lines.append([label, str(len(runs)), *(_number(at(runs, share, name)) for name in _COLUMNS)])
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


if __name__ == "__main__":
    try:
        print(page(Options(Path(__file__).parent)))
    except UserError as mistake:
        sys.exit(f"jumps: {mistake}")
