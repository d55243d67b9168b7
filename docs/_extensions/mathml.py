"""Formulas as MathML, which browsers draw by themselves: the site needs no script and no network for them."""

import re
from typing import Any
from xml.etree import ElementTree

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

_NAMESPACE = "http://www.w3.org/1998/Math/MathML"
_ACCENTS = {"ˆ", "˜", "˙", "¯"}
_BARS = {"|", "‖", "∥"}


def mathml(tex: str, as_block: bool) -> str:
    """The formula as MathML.

    Three things that docutils writes otherwise are put right. The subscript of an accented letter stands beside the
    letter and not below it. A bar has no space around it, for it is a bracket and no operator. A norm's bars are as
    high as a line.

    Raises:
        ExtensionError: a fraction whose parts stand without braces, which docutils would read as another number.
    """
    if bare := re.search(r"\\[td]?frac\s*\d", tex):
        raise ExtensionError(f"expected braces around both parts of a fraction, got {bare[0]!r} in {tex!r}")
    text = tex2mathml(tex, as_block=as_block).replace("&ApplyFunction;", "\u2061")
    tree = ElementTree.fromstring(text)
    for parent in tree.iter():
        for child in list(parent):
            name = child.tag.removeprefix(f"{{{_NAMESPACE}}}")
            if name == "munderover" and (child[2].text or "") in _ACCENTS:
                letter, below, accent = child
                child[:] = []
                child.tag = f"{{{_NAMESPACE}}}msub"
                over = ElementTree.SubElement(child, f"{{{_NAMESPACE}}}mover", {"accent": "true"})
                over.extend([letter, accent])
                child.append(below)
            elif name == "mo" and child.text in _BARS:
                child.attrib |= {"lspace": "0", "rspace": "0"} | ({} if child.text == "|" else {"stretchy": "false"})
    ElementTree.register_namespace("", _NAMESPACE)
    return ElementTree.tostring(tree, encoding="unicode")


def _inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(mathml(node.astext(), as_block=False))
    raise nodes.SkipNode


def _display(translator: Any, node: nodes.math_block) -> None:
    translator.body.append(f'<div class="math">{mathml(node.astext(), as_block=True)}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer under the name that `html_math_renderer` takes."""
    app.add_html_math_renderer("mathml", (_inline, None), (_display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
