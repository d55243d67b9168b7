"""What a search engine shows below a page's title: its first sentences in plain words."""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

_LENGTH = 160


def _says_something(paragraph: nodes.paragraph) -> bool:
    """Whether it is a sentence of plain words, in the text itself."""
    plain = not next(paragraph.findall(lambda node: isinstance(node, nodes.raw | nodes.math)), None)
    text = paragraph.astext()
    return plain and len(text) > 40 and text.endswith(".") and not isinstance(paragraph.parent, nodes.Admonition)


def _describe(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    paragraphs = doctree.findall(nodes.paragraph) if doctree is not None and page != app.config.root_doc else ()
    found = next(filter(_says_something, paragraphs), None)
    text = " ".join(found.astext().split()) if found else app.config.description
    if len(text) > _LENGTH:
        text = text[:_LENGTH].rsplit(" ", 1)[0] + " …"
    safe = text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    context["metatags"] = context.get("metatags", "") + f'<meta name="description" content="{safe}">\n'


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the tag when a page is written."""
    app.add_config_value("description", "", "html")
    app.connect("html-page-context", _describe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
