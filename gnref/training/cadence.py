"""How often a run logs, samples, saves and scores."""

from dataclasses import dataclass, fields
from typing import Literal

from gnref.errors import UserError

Occasion = Literal["log", "sample", "checkpoint", "score"]


@dataclass(frozen=True)
class Cadence:
    """Every how many updates of G something happens, and always at the last; none of it changes a weight.

    None is often enough for the run's length: a line of metrics every hundredth of it, at most 100 updates apart;
    pictures, checkpoints and scores every twentieth, at most 5000 apart, as the original has it.
    """

    log_every: int | None = None
    """Updates between lines of metrics.jsonl."""
    sample_every: int | None = None
    """Updates between sample grids."""
    checkpoint_every: int | None = None
    """Updates between checkpoints."""
    score_every: int | None = None
    """Updates between scores."""
    keep: int = 2
    """Checkpoints kept besides the best."""

    def check(self) -> None:
        """Raises: UserError for a number below 1."""
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and value < 1:
                option = "--" + field.name.replace("_", "-")
                raise UserError(f"{option}: expected at least 1, got {value}; leave it out for the default")

    def due(self, occasion: Occasion, step: int, last: int) -> bool:
        """Whether it happens after update `step` = 1, ..., `last`."""
        every: int | None = getattr(self, f"{occasion}_every")
        if every is None:
            every = max(1, min(100, last // 100) if occasion == "log" else min(5000, last // 20))
        return step % every == 0 or step == last
