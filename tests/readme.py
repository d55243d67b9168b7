"""The generated parts of the README: `python tests/readme.py` writes them, a test compares them."""

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"


def sections() -> dict[str, str]:
    """Each generated part by its name, as Markdown."""
    sys.path.insert(0, str(ROOT / "reproductions"))
    try:
        import summary  # a script beside the tables' own

        from gnref.claims import CLAIMS, markdown

        return {
            "claims": markdown(CLAIMS.values()),
            "reproductions": summary.page(),
            "styles": (ROOT / "tests" / "styles.md").read_text(),
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
