"""Every claim of the appendix: what it says, how it is read, what became of it, and the example that shows it."""

from gnref.claims.around import AROUND
from gnref.claims.claim import Claim, Status, Step
from gnref.claims.lipschitz import LIPSCHITZ
from gnref.claims.tables import TABLES
from gnref.claims.text import describe, listing, markdown
from gnref.errors import unknown

__all__ = ["CLAIMS", "Claim", "Status", "Step", "describe", "find", "listing", "markdown"]

CLAIMS: dict[str, Claim] = {claim.id: claim for claim in (*LIPSCHITZ, *AROUND, *TABLES)}
"""By id, in the order of the appendix."""


def find(id: str) -> Claim:
    """The claim of that id. Raises UserError, with ids that are near, for any other."""
    if id in CLAIMS:
        return CLAIMS[id]
    raise unknown("claim", id, CLAIMS, "gnref claims")
