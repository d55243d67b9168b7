"""Imports torch-fidelity, which imports torchvision, also where torchvision's compiled part does not load.

A CPU build of torch next to a CUDA build of torchvision fails with "operator torchvision::nms does not exist", though
scores use none of torchvision's operators. Declaring the two operators that torchvision expects is then enough.
Nothing else in the package imports torchvision, and on a healthy installation nothing is declared.
"""

import importlib
import sys
from functools import cache
from types import ModuleType

import torch

from gnref.errors import UserError

_libraries: list[torch.library.Library] = []  # an operator lives as long as the library that declared it


@cache
def import_torch_fidelity() -> ModuleType:
    """torch-fidelity, or a UserError that names the extra to install."""
    try:
        import_torchvision()
        return importlib.import_module("torch_fidelity")
    except ImportError as missing:
        raise UserError(
            f"scores need torch-fidelity, and {missing.name} is missing: install it with: pip install 'gnref[scores]'"
        ) from missing


def import_torchvision() -> ModuleType:
    """torchvision, without its compiled operators where they do not load: calling one of them then fails."""
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as failure:
        if "torchvision::" not in str(failure):
            raise
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")  # type: ignore[no-untyped-call]
    _libraries.append(library)
    return importlib.import_module("torchvision")
