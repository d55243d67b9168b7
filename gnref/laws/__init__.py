"""The laws: one function per claim, the same for this package's own proofs, other libraries and deliberate mistakes."""

from gnref.laws import conduct, edges, gradient, layers, line, real, score, smooth, training
from gnref.laws.case import Case, Law, Normalize
from gnref.laws.edges import Edge
from gnref.laws.line import Facet, Line

__all__ = ["LAWS", "Case", "Edge", "Facet", "Law", "Line", "Normalize"]

LAWS: tuple[Law, ...] = tuple(
    found
    for module in (score, gradient, conduct, edges, line, layers, smooth, training, real)
    for found in vars(module).values()
    if isinstance(found, Law)
)
"""Every law, in the order of its module and of the text."""
