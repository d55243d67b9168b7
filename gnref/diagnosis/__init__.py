"""What can be found out about anyone's own discriminator: `diagnose`, and `gnref verify` around it.

Names are imported when they are asked for: the command's arguments and its parent process need no PyTorch.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gnref.diagnosis.examine import Diagnosis, diagnose

__all__ = ["Diagnosis", "diagnose"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module("gnref.diagnosis.examine"), name)
