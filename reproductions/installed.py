"""Importing this first ends a script in one sentence where the Python that runs it lacks gnref or what it needs."""

import sys
from importlib.util import find_spec
from pathlib import Path

missing = [name for name in ("gnref", "torch", "scipy") if find_spec(name) is None]
if missing:
    print(
        f"{sys.argv[0]}: {sys.executable} has no {missing[0]}; install it there with `pip install '.[all]'` in "
        f"{Path(__file__).parent.parent}, or run the script with the Python that has it",
        file=sys.stderr,
    )
    sys.exit(2)
