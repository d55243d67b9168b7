"""How another library tests its gradient normalization: `gnref conform`, or the laws as tests of its own suite."""

from gnref.conformance.capabilities import Capabilities, adapt, from_generator_form
from gnref.conformance.judge import Finding
from gnref.conformance.subject import Subject
from gnref.conformance.suite import parametrize_with_laws

__all__ = ["Capabilities", "Finding", "Subject", "adapt", "from_generator_form", "parametrize_with_laws"]
