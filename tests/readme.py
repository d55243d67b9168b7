"""The generated parts of the README: `python tests/readme.py` writes them, a test compares them."""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"


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


def sections() -> dict[str, str]:
    """Each generated part by its name, as Markdown."""
    sys.path.insert(0, str(ROOT / "reproductions"))
    try:
        import summary  # a script beside the tables' own

        from gnref.claims import CLAIMS, markdown

        return {
            "claims": markdown(CLAIMS.values()),
            "reproductions": summary.page(),
            "speed": speed(),
            "styles": (ROOT / "tests" / "subjects" / "styles.md").read_text(),
        }
    finally:
        sys.path.remove(str(ROOT / "reproductions"))


def filled(text: str) -> str:
    """The README with every part between `<!-- NAME -->` and `<!-- /NAME -->` made anew."""
    for name, content in sections().items():
        start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        before, rest = text.split(start)
        text = before + start + content.strip("\n") + "\n" + end + rest.split(end)[1]
    return text


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    README.write_text(filled(README.read_text()))
