"""Claims as text: a list for the terminal, and one claim with its example worked through."""

import textwrap
from collections.abc import Iterable

from gnref.claims.checked import checked_by
from gnref.claims.claim import Claim, Step

_WIDTH = 100


def listing(claims: Iterable[Claim]) -> str:
    """One line a claim: id, source, status."""
    rows = [(c.id, c.source, c.status) for c in claims]
    first, second = (max(len(row[i]) for row in rows) for i in (0, 1))
    return "\n".join(f"{id:<{first}}  {source:<{second}}  {status}" for id, source, status in rows)


def describe(claim: Claim) -> str:
    """The claim in full, its witness or counterexample step by step in fractions, and the laws that check it."""
    fields = {
        "Statement": claim.statement,
        "Reading": claim.reading,
        "Hypotheses": claim.hypotheses,
        "Status": claim.status,
        "Why": claim.verdict,
    }
    lines = [f"{claim.id}  ({claim.source})", ""]
    for name, text in fields.items():
        lines += textwrap.wrap(text, _WIDTH, initial_indent=f"{name + ':':<12}", subsequent_indent=" " * 12)
    if claim.work is not None:
        lines += ["", "Counterexample, in fractions:" if claim.refuted else "Worked example, in fractions:"]
        for line in claim.work():
            indent = " " * (6 + len(line.text) - len(line.text.lstrip()))
            lines += textwrap.wrap(line.text.lstrip(), _WIDTH, initial_indent=indent[2:], subsequent_indent=indent)
            if isinstance(line, Step) and not line.holds:
                lines.append("  (this line does not hold)")
    if checks := checked_by(claim.id):
        lines += ["", "Checked by:", *("    " + line for line in checks)]
    return "\n".join(lines)
