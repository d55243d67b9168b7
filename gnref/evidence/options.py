"""What a person asked of a reproduction, and where its files are."""

from dataclasses import dataclass
from pathlib import Path

from gnref.evidence.published import Published
from gnref.evidence.records import Records


@dataclass(frozen=True)
class Options:
    """`home` is the folder of the scripts: `published.toml`, `study.toml` and `results/` are in it."""

    home: Path
    cell: str | None = None
    data: Path | None = None
    samples: tuple[Path, ...] = ()
    runs: Path = Path("runs")
    jobs: int = 1

    @property
    def results(self) -> Path:
        """Where records and pictures are kept."""
        return self.home / "results"

    @property
    def records(self) -> Records:
        """What earlier runs measured."""
        return Records(self.results)

    @property
    def published(self) -> Published:
        """The printed numbers of the appendix."""
        return Published(self.home / "published.toml")


def within(line: str, cell: str) -> bool:
    """Whether a line's name is `cell` or begins so, part by part, as `table4.gn-biggan.is` does with `table4`."""
    return f"{line}.".startswith(f"{cell}.")
