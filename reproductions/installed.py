"""Importing this first ends a script in one sentence where gnref is not installed for the Python that runs it."""

import sys
from importlib.util import find_spec
from pathlib import Path

if find_spec("gnref") is None:
    print(
        f"{sys.argv[0]}: {sys.executable} has no gnref; install it there with `pip install '.[all]'` in "
        f"{Path(__file__).parent.parent}, or run the script with the Python that has it",
        file=sys.stderr,
    )
    sys.exit(2)
