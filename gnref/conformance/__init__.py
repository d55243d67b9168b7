"""How another library tests its gradient normalization: `gnref conform`, or the laws as tests of its own suite.

Names are imported when they are asked for: `Options` needs no PyTorch, the others do.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gnref.conformance.adapted import adapt
    from gnref.conformance.finding import Finding
    from gnref.conformance.generator import from_generator_form
    from gnref.conformance.options import Options
    from gnref.conformance.subject import Subject
    from gnref.conformance.suite import parametrize_with_laws

__all__ = ["Finding", "Options", "Subject", "adapt", "from_generator_form", "parametrize_with_laws"]

_MODULES = {
    "Finding": "finding",
    "Options": "options",
    "Subject": "subject",
    "adapt": "adapted",
    "from_generator_form": "generator",
    "parametrize_with_laws": "suite",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
