"""Every claim of the appendix: what it says, how it is read, what became of it, and the example that shows it.

A file of claims has the name of its laws' file and of its properties' file.
"""

from gnref.claims import (
    activations,
    architectures,
    conditional,
    cost,
    kinks,
    lemma_3,
    losses,
    normalized_function,
    repaired,
    saturation,
    segments,
    smooth,
    surfaces,
    tables,
    theorem_5,
    theorem_6,
    variants,
)
from gnref.claims.claim import Claim, Prose, Status, Step
from gnref.claims.text import describe, listing
from gnref.errors import unknown

__all__ = ["CLAIMS", "Claim", "Prose", "Status", "Step", "describe", "find", "listing"]

CLAIMS: dict[str, Claim] = {
    claim.id: claim
    for file in (
        lemma_3,
        theorem_5,
        theorem_6,
        kinks,
        smooth,
        repaired,
        segments,
        normalized_function,
        losses,
        saturation,
        activations,
        conditional,
        architectures,
        variants,
        surfaces,
        cost,
        tables,
    )
    for claim in file.CLAIMS
}
"""By id, in the order of the appendix."""


def find(id: str) -> Claim:
    """The claim of that id. Raises UserError, with ids that are near, for any other."""
    if id in CLAIMS:
        return CLAIMS[id]
    raise unknown("claim", id, CLAIMS, "gnref claims")
