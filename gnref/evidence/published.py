"""The printed numbers of the appendix, read from `published.toml`."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Printed:
    """One printed number: where it stands, its value, and the deviation printed behind its ± (None where none is)."""

    id: str
    place: str
    row: str
    column: str
    value: float
    deviation: float | None = None
    protocol: str | None = None
    external: bool = False

    @property
    def table(self) -> str:
        """The artefact the number belongs to, as in `table4`."""
        return self.id.split(".")[0]

    @property
    def score(self) -> str:
        """What kind of number it is: `is`, `fid`, or `speed`."""
        if self.protocol is None:
            return "speed"
        return "is" if self.protocol == "inception-score" else "fid"

    @property
    def text(self) -> str:
        """As the appendix prints it."""
        return f"{self.value:.2f}" + ("" if self.deviation is None else f"±{self.deviation:.2f}".replace("±0.", "±."))


@cache
def document(file: Path) -> dict[str, Any]:
    """A TOML file, read once."""
    with file.open("rb") as opened:
        return tomllib.load(opened)


@dataclass(frozen=True)
class Published:
    """The printed numbers in one file."""

    file: Path

    def printed(self) -> list[Printed]:
        """Every printed score, in the appendix's order."""
        tables = [table for table in document(self.file).values() if "cells" in table]
        return [Printed(place=table["place"], **cell) for table in tables for cell in table["cells"]]

    def cells_of(self, artefact: str) -> list[Printed]:
        """The printed scores of one table."""
        return [cell for cell in self.printed() if cell.table == artefact]

    def cell(self, id: str) -> Printed:
        """The printed score with this id."""
        return next(cell for cell in self.printed() if cell.id == id)

    def rivals(self, cell: Printed) -> list[Printed]:
        """The other rows of the same column: a verdict that their value would pass as well tells nothing apart."""
        return [other for other in self.cells_of(cell.table) if other.column == cell.column and other.id != cell.id]

    def setting(self, name: str) -> dict[str, Any]:
        """The numbers of appendix B and D that fix an experiment."""
        return dict(document(self.file)["setting"][name])

    def protocol(self, name: str) -> dict[str, Any]:
        """What was scored against what."""
        return dict(document(self.file)["protocol"][name])

    def parameters(self) -> dict[str, dict[str, int]]:
        """Parameter counts of the networks that the appendix refers to."""
        return dict(document(self.file)["parameters"])
