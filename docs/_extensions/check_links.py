"""Every link within the site leads to a page, and to a place on it: a dead one is an error of the build."""

from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError


class _Page(HTMLParser):
    """The links of a page, and the places on it that a link can name."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the tag names and where it leads."""
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.links.append(value)
            elif name in ("id", "name") and value:
                self.places.add(value)


@cache
def _read(file: Path) -> _Page:
    return _Page(file.read_text(encoding="utf-8"))


def dead_links(site: Path) -> list[str]:
    """Every link within the site that leads nowhere, as `PAGE: LINK`."""
    dead = []
    for file in sorted(site.rglob("*.html")):
        for link in _read(file).links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            target = target / "index.html" if target.is_dir() else target
            there = target.exists() and (
                not parts.fragment or target.suffix != ".html" or unquote(parts.fragment) in _read(target).places
            )
            if not there:
                dead.append(f"{file.relative_to(site)}: {link}")
    return dead


def _check(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.format == "html":
        _read.cache_clear()
        if dead := dead_links(Path(app.outdir)):
            raise ExtensionError("links that lead nowhere:\n" + "\n".join(dead))


def setup(app: Sphinx) -> dict[str, bool]:
    """Check when the site is written."""
    app.connect("build-finished", _check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
