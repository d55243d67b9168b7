"""The child: `python -m gnref.supervisor.child FOLDER` does the work that the parent wrote into the folder."""

import json
import os
import pickle
import sys
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from gnref.errors import UserError, one_sentence
from gnref.supervisor.faults import told
from gnref.supervisor.parent import TASK, TOLD


def run(folder: Path) -> None:
    """Do the work, and say what it returned or what the person's code raised.

    A fault of this package is no mistake of a person's: its traceback is printed.
    """
    work, arguments, parent = pickle.loads((folder / TASK).read_bytes())
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()

    def tell(**line: Any) -> None:
        with (folder / TOLD).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")

    try:
        with one_sentence("gnref"):
            module, _, function = work.partition(":")
            try:
                result = getattr(import_module(module), function)(tell, *arguments)
            except UserError as mistake:
                tell(mistake=str(mistake))
                return
            except BaseException as error:
                sentence = None if isinstance(error, BrokenPipeError) else told(error)
                if sentence is None:
                    raise
                tell(mistake=sentence)
                return
    except SystemExit as ended:  # standard output is closed or full: `one_sentence` has said so
        result = ended.code
    tell(result=result)


def _end_with(parent: int) -> None:
    """End this process when its parent has gone, however that was: nobody would end it otherwise."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


if __name__ == "__main__":
    run(Path(sys.argv[1]))
