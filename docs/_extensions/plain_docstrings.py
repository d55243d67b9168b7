"""Docstrings here are plain text that speaks mathematics: |f| is an absolute value, and `x` is code."""

import re
from typing import Any

from sphinx.application import Sphinx


def _escaped(line: str) -> str:
    """The line with bars and stars taken literally, but for what stands in backticks."""
    parts = line.split("`")
    parts[::2] = [part.replace("|", "\\|").replace("*", "\\*") for part in parts[::2]]
    return "`".join(parts)


def _process(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    lines[:] = [line if line.lstrip().startswith((">>>", "...")) else _escaped(line) for line in lines]


_SENTENCES: dict[str, list[str]] = {}
"""The docstrings of data as they were before Napoleon, which takes what stands before a colon for a type."""


def _keep(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    if what in ("data", "attribute"):
        _SENTENCES[name] = list(lines)


def _restore(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    if what in ("data", "attribute"):
        lines[:] = _SENTENCES[name]


_SHORTER = {
    # what numpy.typing's names are spelled out as
    r"_Buffer \| _SupportsArray\[dtype\[Any\]\].*?_NestedSequence\[complex \| bytes \| str\]": "ArrayLike",
    r"ndarray\[tuple\[Any, \.\.\.\], dtype\[\w+\]\]": "ndarray",
}


def _shorter(signature: str | None) -> str | None:
    for long, short in _SHORTER.items():
        signature = signature and re.sub(long, short, signature)
    return signature


def _signature(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, arguments: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    return _shorter(arguments), _shorter(returns)


def _skip(app: Sphinx, what: str, name: str, thing: Any, skip: bool, options: Any) -> bool | None:
    """The fields of a named tuple stand in its docstring; what Python writes about them says nothing."""
    return True if (thing.__doc__ or "").startswith("Alias for field number") else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Escape before the sections of a docstring are read, and shorten signatures."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", _process, priority=400)
    app.connect("autodoc-process-docstring", _keep, priority=450)
    app.connect("autodoc-process-docstring", _restore, priority=550)
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-skip-member", _skip)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
