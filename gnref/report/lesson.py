"""What a row teaches: the claim it is about, in full."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Lesson:
    """A claim for people who open its row. The report knows no claims: who fills it brings them."""

    statement: str
    """The claim in a few words; it also stands below its name in the terminal's table."""
    reading: str = ""
    """What exactly the status is a status of."""
    hypotheses: str = ""
    why: str = ""
    """Why the status is what it is."""
    work: tuple[str, ...] = ()
    """A worked example, line by line."""
    work_title: str = "Worked example"
