"""Docstrings here are plain text that speaks mathematics: |f| is an absolute value, and `x` is code."""

from typing import Any

from sphinx.application import Sphinx


def _escaped(line: str) -> str:
    """The line with bars and stars taken literally, but for what stands in backticks."""
    parts = line.split("`")
    parts[::2] = [part.replace("|", "\\|").replace("*", "\\*") for part in parts[::2]]
    return "`".join(parts)


def _process(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    lines[:] = [line if line.lstrip().startswith((">>>", "...")) else _escaped(line) for line in lines]


def setup(app: Sphinx) -> dict[str, bool]:
    """Escape before the sections of a docstring are read."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", _process, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
