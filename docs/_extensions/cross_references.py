"""Names lead to their pages: a claim's to its page, a law's to its row, [GN, Eq. 11] to the bibliography."""

import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

from gnref.claims import CLAIMS
from gnref.conformance.plan import laws

_BIBLIOGRAPHY = (Path(__file__).parent.parent / "bibliography.md").read_text(encoding="utf-8")
_WORKS = re.findall(r"^\*\*\[(.+?)]\*\*", _BIBLIOGRAPHY, re.MULTILINE)
_CITED = re.compile(rf"\[({'|'.join(map(re.escape, _WORKS))})(?=[],])[^]]*]")
_LAWS = {law.id for law in laws()}


def _anchor(work: str) -> str:
    return f"work-{work.lower()}"


def _page(words: str) -> tuple[str, str] | None:
    """The page and the anchor that a piece of code names: a claim, `gnref claims CLAIM`, or a law."""
    name = words.removeprefix("gnref claims ")
    if name in CLAIMS:
        return f"claims/{name}", ""
    return ("testing-your-own", f"#law-{name}") if name in _LAWS else None


def _link(app: Sphinx, here: str, page: str, anchor: str, content: nodes.Node) -> nodes.reference:
    return nodes.reference("", "", content, internal=True, refuri=app.builder.get_relative_uri(here, page) + anchor)


def _resolve(app: Sphinx, doctree: nodes.document, here: str) -> None:
    for literal in list(doctree.findall(nodes.literal)):
        found = _page(literal.astext())
        if found and found[0] != here and not isinstance(literal.parent, nodes.reference | nodes.title):
            literal.replace_self(_link(app, here, *found, literal.deepcopy()))
    if here == "bibliography":
        for entry in doctree.findall(nodes.strong):
            entry["ids"].append(_anchor(entry.astext().strip("[]")))
        return
    for text in list(doctree.findall(nodes.Text)):
        within = text.parent
        if isinstance(within, nodes.literal | nodes.literal_block | nodes.reference | nodes.title | nodes.raw):
            continue
        pieces: list[nodes.Node] = []
        end = 0
        for match in _CITED.finditer(text):
            pieces += [nodes.Text(text[end : match.start()])]
            pieces += [_link(app, here, "bibliography", f"#{_anchor(match[1])}", nodes.inline("", match[0]))]
            end = match.end()
        if pieces:
            within.replace(text, [*pieces, nodes.Text(text[end:])])


def setup(app: Sphinx) -> dict[str, bool]:
    """Link when everything else on a page is resolved."""
    app.connect("doctree-resolved", _resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
