"""The generated parts of the README and of the site's pages: `python tests/pages.py` writes them, a test compares them.

A part stands between `<!-- NAME -->` and `<!-- /NAME -->`; `PARTS` says what makes it.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def claims() -> str:
    """Every claim with its status."""
    from gnref.claims import CLAIMS, markdown

    return markdown(CLAIMS.values())


def reproductions() -> str:
    """Every table and figure with its verdict."""
    command = [sys.executable, "reproductions/summary.py"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def study() -> str:
    """What the study found, regime by regime."""
    return _printed("reproductions/findings.py")


def instruments() -> str:
    """What the study's scores see of known damages."""
    return "```\n" + _printed("reproductions/instruments.py", "--check") + "```"


def _printed(script: str, *words: str) -> str:
    return subprocess.run([sys.executable, script, *words], cwd=ROOT, capture_output=True, text=True).stdout


def speed() -> str:
    """The measured ratios of D's gradient and of the gradient G's step takes through D."""
    lines = [
        "| network | double backward | **replay** | the two | through D to G: double backward | **replay** |",
        "|---|---|---|---|---|---|",
    ]
    for file in sorted((ROOT / "asv_bench" / "results").glob("cpu-*.json")):
        ratio = {(f["part"], f["setting"]["method"]): f["to_vanilla"] for f in json.loads(file.read_text())["figures"]}
        double, replay = (ratio["discriminator gradient", method] for method in ("gn-double-backward", "gn"))
        through = [f"{ratio['score gradient', method]:.2f}" for method in ("gn-double-backward", "gn")]
        row = [file.stem.removeprefix("cpu-"), f"{double:.2f}", f"**{replay:.2f}**", f"{replay / double:.2f}"]
        lines.append("| " + " | ".join([*row, through[0], f"**{through[1]}**"]) + " |")
    return "\n".join(lines)


def styles() -> str:
    """The styles of public code and the laws each keeps."""
    return (ROOT / "tests" / "subjects" / "styles.md").read_text()


PARTS: dict[str, Callable[[], str]] = {
    "claims": claims,
    "reproductions": reproductions,
    "study": study,
    "instruments": instruments,
    "speed": speed,
    "styles": styles,
}
"""What makes each part, as Markdown."""


def filled(text: str) -> str:
    """The page with each of its parts made anew."""
    for name, make in PARTS.items():
        start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        if start in text:
            before, rest = text.split(start)
            text = before + start + make().strip("\n") + "\n" + end + rest.split(end)[1]
    return text


def examples(text: str) -> list[str]:
    """The Python blocks of a page that are marked to be run, in order."""
    return re.findall(r"<!-- example[^\n]*-->\n+```python\n(.*?)```", text, re.DOTALL)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    for page in PAGES:
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
