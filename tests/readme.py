"""The generated parts of the README: `python tests/readme.py` writes them, a test compares them."""

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"


def sections() -> dict[str, str]:
    """Each generated part by its name, as Markdown."""
    from gnref.claims import CLAIMS, markdown

    return {"claims": markdown(CLAIMS.values())}


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
