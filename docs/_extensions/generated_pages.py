"""Pages made from the package itself before the site is read: a page a claim, and the list of claims."""

import re
from pathlib import Path

from claim_pictures import PICTURES
from sphinx.application import Sphinx

from gnref.claims import CLAIMS, Claim
from gnref.laws import FUNCTION_LAWS, LAWS

_DOCS = Path(__file__).parent.parent
_KINDS = {"holds": "holds", "vacuous": "vacuous", "false": "false", "empirical": "empirical"}


_LEGEND = """\
Each row is a statement of the paper's appendix in our words, or one that speaks of it.

*Holds*
: exactly, in the domain that its page names.

*Holds almost everywhere*
: off the borders of linear regions.

*Vacuous as printed*
: its hypotheses admit trivial cases only.

*False as printed*, *false as used*
: the formula is wrong, or it is wrong for the networks the paper applies it to; the page has a counterexample.

*Does not extend to*
: the appendix does not say it, but a reader might take it from there, and it is false; the page has a counterexample.

*Float-limited*
: true of real numbers, and of floating-point numbers in the range that its page names.

*Empirical*
: a number measured on data, which a reproduction checks.
"""


def _badge(claim: Claim) -> str:
    kind = next((kind for start, kind in _KINDS.items() if claim.status.startswith(start)), "vacuous")
    return f'<span class="status status-{kind}">{claim.status}</span>'


def _steps(claim: Claim) -> list[str]:
    if claim.work is None:
        return []
    lines = [step.text for step in claim.work()]
    title = "Counterexample, in fractions" if claim.refuted else "Worked example, in fractions"
    return [f"## {title}", "", "```text", *lines, "```", ""]


def _picture(claim: Claim) -> list[str]:
    if claim.id not in PICTURES:
        return []
    caption = PICTURES[claim.id][1]
    return [f"```{{figure}} {claim.id}.png", f":alt: {caption}", "", caption, "```", ""]


def _measured(claim: Claim) -> list[str]:
    """How the number of an empirical claim is measured, and what came of it."""
    if not claim.status.startswith("empirical"):
        return []
    script = re.search(r"reproductions/\w+\.py", claim.verdict)
    if script is None:
        return []
    return ["```sh", f"python {script[0]} --check", "```", "", "[](../reproducing.md) says where it stands.", ""]


def _laws(claim: Claim) -> list[str]:
    rows = [
        f"| `{law.id}` | {law.statement.replace(chr(124), chr(92) + chr(124))} | `laws/{law.file}.py` |"
        for law in (*LAWS, *FUNCTION_LAWS)
        if law.claim == claim.id
    ]
    if not rows:
        return []
    where = (
        "Each law is a function in `gnref/`, and a hypothesis property in the file of the same name in `properties/`."
    )
    return ["## Checked by", "", where, "", "| law | says | file |", "|---|---|---|", *rows, ""]


def claim_page(claim: Claim) -> str:
    """One claim as a page: what it says, how it is read, what became of it and why, and the example that shows it."""
    return "\n".join(
        [
            f"# {claim.id}",
            "",
            f"{claim.source} · {_badge(claim)}",
            "",
            f"> {claim.statement}",
            "",
            f"**Read as.** {claim.reading}",
            "",
            f"**Assumes.** {claim.hypotheses}.",
            "",
            f"**Why.** {claim.verdict}",
            "",
            *_measured(claim),
            *_picture(claim),
            *_steps(claim),
            *_laws(claim),
        ]
    )


def claim_list() -> str:
    """Every claim with its source and status, and the pages as a table of contents."""
    rows = [
        f"| [{c.id}]({c.id}.md) | {_badge(c)} | {c.statement.replace(chr(124), chr(92) + chr(124))} | {c.source} |"
        for c in CLAIMS.values()
    ]
    return "\n".join(
        [
            "# The claims, one by one",
            "",
            _LEGEND,
            "",
            "| claim | status | says | source |",
            "|---|---|---|---|",
            *rows,
            "",
            "```{toctree}",
            ":hidden:",
            "",
            *CLAIMS,
            "```",
            "",
        ]
    )


def write(folder: Path) -> None:
    """Write the pages, leaving those that are unchanged as they are."""
    folder.mkdir(exist_ok=True)
    pages = {"index": claim_list()} | {claim.id: claim_page(claim) for claim in CLAIMS.values()}
    for old in folder.glob("*.md"):
        if old.stem not in pages:
            old.unlink()
    for name, (draw, _) in PICTURES.items():
        (folder / f"{CLAIMS[name].id}.png").write_bytes(draw())
    for name, text in pages.items():
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the pages before Sphinx looks for its sources."""
    app.connect("config-inited", lambda app, config: write(_DOCS / "claims"))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
