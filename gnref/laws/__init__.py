"""The laws: one function per claim, the same for this package's own proofs, other libraries and deliberate mistakes.

A file of laws has the name of its claims' file and of its properties' file; `contexts` and `edges` stand beside
`normalized_function`, and `networks` judges all of it on the paper's own discriminators. What a law is: `law.py`.
"""

from gnref.laws import (
    activations,
    architectures,
    calls,
    conditional,
    contexts,
    cost,
    edges,
    images,
    kinks,
    lemma_3,
    losses,
    networks,
    normalized_function,
    repaired,
    saturation,
    segments,
    situations,
    smooth,
    stress,
    surfaces,
    theorem_5,
    theorem_6,
    variants,
)
from gnref.laws.along import Facet, Line
from gnref.laws.case import Case, Normalize
from gnref.laws.edges import Edge
from gnref.laws.image_case import ImageCase
from gnref.laws.law import FunctionLaw, Law

__all__ = ["FUNCTION_LAWS", "LAWS", "Case", "Edge", "Facet", "FunctionLaw", "ImageCase", "Law", "Line", "Normalize"]

_FOUND = tuple(
    found
    for module in (
        lemma_3,
        theorem_5,
        theorem_6,
        kinks,
        smooth,
        repaired,
        segments,
        normalized_function,
        contexts,
        situations,
        calls,
        stress,
        edges,
        images,
        losses,
        saturation,
        activations,
        conditional,
        architectures,
        variants,
        surfaces,
        cost,
        networks,
    )
    for found in vars(module).values()
    if isinstance(found, (Law, FunctionLaw)) and found.check.__module__ == module.__name__
)
LAWS: tuple[Law, ...] = tuple(found for found in _FOUND if isinstance(found, Law))
"""Every law of an implementation, in the order of its module and of the text."""
FUNCTION_LAWS: tuple[FunctionLaw, ...] = tuple(found for found in _FOUND if isinstance(found, FunctionLaw))
"""Every law of f itself, in the same order."""
