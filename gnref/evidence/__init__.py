"""Evidence: what runs measured, the rules that judge it, and the command that every reproduction shares.

A script states a `Study` (its runs as `Job`s, its judged `Line`s, its picture) in an `Artefact` and calls `main`.
"""

from gnref.evidence.command import Artefact, Study, main
from gnref.evidence.jobs import Job
from gnref.evidence.lines import Line
from gnref.evidence.options import Options
from gnref.evidence.records import Record, Records
from gnref.evidence.verdict import Finding, Verdict

__all__ = ["Artefact", "Study", "main", "Job", "Options", "Record", "Records", "Line", "Finding", "Verdict"]
