"""What became of one law; nothing here imports PyTorch."""

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["kept", "broken", "raised", "never returned", "ended the process", "skipped"]


@dataclass(frozen=True)
class Finding:
    """What became of one law in one dtype."""

    law: str
    version: int
    level: str
    dtype: str
    form: Literal["normalize", "generator"]
    outcome: Outcome
    statement: str
    cases: int = 0
    worst: float | None = None
    """The largest error as a share of its derived bound; None where equality is asked for."""
    seconds: float = 0.0
    reason: str = ""
    """What came and what should have come; or why the law was left out."""
    cause: str = ""
    """What usually breaks this law."""
    remedy: str = ""
    """What to do about it."""
    snippet: str = ""
    """Lines that run as they stand and raise while the law is broken."""
    expected: str = ""
    """The reason, where the law was declared to fail."""

    @property
    def wrong(self) -> bool:
        """Whether it counts against the subject: broken without being expected to be, or kept against expectation."""
        return self.outcome != "skipped" and (self.outcome == "kept") == bool(self.expected)

    @property
    def plain_fails(self) -> bool:
        """Whether the plain call did not work, so that no other law says more."""
        return self.law == "plain-call" and self.outcome != "kept" and not self.expected
