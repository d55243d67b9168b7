"""How a run was made: the commit, the versions, the device and the command that a record keeps."""

import os
import platform
import subprocess
import sys
from pathlib import Path


def commit(home: Path) -> str:
    """The commit of the code that runs, with a plus where the working tree differs in what it imports.

    `home` is the folder of the scripts, inside the checkout; "unknown" where there is none.
    """
    try:
        head = _git(home, "rev-parse", "HEAD")
        changed = _git(home, "status", "--porcelain", "--untracked-files=no", "--", ":/gnref", "*.py")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head[:12] + ("+" if changed else "")


def _git(folder: Path, *arguments: str) -> str:
    run = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return run.stdout.strip()


def versions() -> dict[str, str]:
    """Of what a number can depend on."""
    import numpy
    import torch

    return {"python": platform.python_version(), "torch": str(torch.__version__), "numpy": numpy.__version__}


def device() -> str:
    """The device that `--run` computes on."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    threads = torch.get_num_threads()
    return f"CPU ({platform.machine()}, {threads} thread{'s' * (threads > 1)})"


def script(home: Path) -> str:
    """The running script, as a person types it from the folder above `home`."""
    return f"python {os.path.relpath(sys.argv[0], home.parent)}"
