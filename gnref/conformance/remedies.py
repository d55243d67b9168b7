"""What to do where a subject raises: the capability that leaves out, or adapts, what it cannot do."""

from collections.abc import Callable

from gnref.conformance.calling import TakesNoLabel
from gnref.conformance.finding import Finding
from gnref.conformance.options import ADAPTED, CAPABILITIES, Capability
from gnref.laws import Law
from gnref.laws.law import Need

_FOR: dict[Need, Capability] = {
    "arguments": "no-conditional",
    "batch": "one-sample",
    "parameter gradient": "generator-only",
    "input gradient": "values-only",
    "smooth discriminator": "piecewise-linear-only",
}
LIMITED: tuple[Capability, ...] = (*ADAPTED, "float32-only", "generator-only", "values-only")


def for_a_law(law: Law, error: BaseException) -> str:
    """Which limit to declare, if it is one, where the subject raises at a law that asks for more than a plain call."""
    if isinstance(error, TakesNoLabel):
        return "declare --capability no-conditional if the discriminator is always called with x alone"
    for need, name in _FOR.items():
        if need in law.needs:
            return f"if this is a limit of it, declare --capability {name} ({CAPABILITIES[name]})"
    return ""


def by_trying(judged_with: Callable[[Capability], Finding], tried: tuple[Capability, ...]) -> str:
    """The capability under which the same law is kept, found by trying."""
    for name in tried:
        if judged_with(name).outcome == "kept":
            return f"it works with --capability {name} ({CAPABILITIES[name]})"
    return ""
