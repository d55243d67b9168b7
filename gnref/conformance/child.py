"""The process in which a subject is judged, so that one that hangs or crashes takes nothing with it.

`python -m gnref.conformance.child FILE` reads its task from FILE and appends a line of JSON for every step to it.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from gnref.conformance.options import Options
from gnref.conformance.subject import Subject, load
from gnref.errors import UserError


def run(file: Path) -> None:
    """Judge the subject of the task in the file's first line."""
    task: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))

    def tell(**line: Any) -> None:
        with file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")

    torch.set_num_threads(1)
    tell(turning_to="the import")
    try:
        subject = Subject(
            load(task["subject"]),
            load(task["generator"]) if task["generator"] else None,
            Options(**task["options"]),
            task["subject"],
            task["generator"] or "",
        )
    except UserError as mistake:
        tell(mistake=str(mistake))
        return
    findings = subject.findings(lambda name: tell(turning_to=name))
    tell(findings=[asdict(finding) for finding in findings])


if __name__ == "__main__":
    run(Path(sys.argv[1]))
