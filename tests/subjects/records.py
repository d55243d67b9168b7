"""Records that no run wrote, for tests of what is judged by records."""

from typing import Any

from gnref.evidence import Record


def record(seed: int = 0, name: str = "x", settings: dict[str, Any] | None = None, **scores: float | None) -> Record:
    """A run at the appendix's scale; by default its FID is 1.5."""
    return Record(
        name=name,
        scale="paper",
        seed=seed,
        settings={"steps": 1} if settings is None else settings,
        scores=dict(scores) or {"fid": 1.5},
        command="python x",
        seconds=1.0,
        commit="c",
        versions={},
        device="CPU",
        date="today",
    )
