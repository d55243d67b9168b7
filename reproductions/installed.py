"""Importing this first ends a script in one sentence where the Python that runs it lacks gnref or what it needs.

Until the script's command begins, an interrupt ends it by the signal itself, without a traceback out of an import.
"""

import signal
import sys
from importlib.util import find_spec
from pathlib import Path

if signal.getsignal(signal.SIGINT) is signal.default_int_handler and sys.argv[0].endswith(".py"):
    signal.signal(signal.SIGINT, signal.SIG_DFL)

missing = [name for name in ("gnref", "torch", "scipy") if find_spec(name) is None]
if missing:
    print(
        f"{sys.argv[0]}: {sys.executable} has no {missing[0]}; install it there with `pip install '.[all]'` in "
        f"{Path(__file__).parent.parent}, or run the script with the Python that has it",
        file=sys.stderr,
    )
    sys.exit(2)
