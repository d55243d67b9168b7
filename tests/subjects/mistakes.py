"""Wrong implementations of f / (‖∇ₓf‖ + |f|), each with the law that must kill it, and right ones written differently.

`PYTHONPATH=tests python -m subjects.mistakes` prints which law kills which.
"""

import torch
from subjects.context_mistakes import CONTEXT_MISTAKES
from subjects.formula_mistakes import FORMULA_MISTAKES
from subjects.literal import Mistake, Subject, formula, literal
from subjects.right import RIGHT

from gnref.laws import LAWS, Law

__all__ = ["JUDGES", "MISTAKES", "RIGHT", "Mistake", "broken_by_the_literal_formula", "formula", "literal", "verdict"]


JUDGES = [law for law in LAWS if law.zeta == "abs" and law.level != "refuted" and any(law.fixed())]


MISTAKES: dict[str, Mistake] = FORMULA_MISTAKES | CONTEXT_MISTAKES


def broken_by_the_literal_formula() -> set[str]:
    """Laws of the edges of the number range, which f / (g + |f|) itself does not keep: they tell no mistake from it."""
    return {law.id for law in JUDGES if verdict(literal, law)}


def verdict(normalize: Subject, law: Law) -> str:
    """ "" where the law holds on all its fixed cases, "killed" where it is broken, or the name of another exception."""
    for case in law.examples():
        try:
            law(normalize, case)
        except AssertionError:
            return "killed"
        except Exception as other:
            return type(other).__name__
    return ""


def table() -> str:
    """Which law kills which mistake, as text."""
    lines, literal_breaks = [], broken_by_the_literal_formula()
    telling = [law for law in JUDGES if law.id not in literal_breaks]
    for name, mistake in MISTAKES.items():
        found = {law.id: verdict(mistake.normalize, law) for law in telling}
        killers = [law for law, came in found.items() if came == "killed"]
        others = [f"{law} ({came})" for law, came in found.items() if came not in ("", "killed")]
        killers.sort(key=lambda law: law != mistake.law)
        lines.append(f"{name:<24} {mistake.wrong:<38} {', '.join(killers + others)}")
    for name, normalize in RIGHT.items():
        broken = [law.id for law in JUDGES if law.level == "robustness" and verdict(normalize, law)]
        lines.append(f"{name:<24} {'right':<38} {'not robust: ' + ', '.join(broken) if broken else 'robust'}")
    return "\n".join(lines)


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(table())
