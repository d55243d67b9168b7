"""A device by its name."""

import re

import torch

from gnref.errors import UserError


def device_named(name: str, kinds: tuple[str, ...] = ("cpu", "cuda")) -> torch.device:
    """The device called cpu, cuda, cuda:0 and so on.

    Raises:
        UserError: for a name of no such kind, and for a GPU that is not there.
    """
    match = re.fullmatch(r"([a-z]+)(?::(\d{1,3}))?", name, re.ASCII)
    if match is None or match[1] not in kinds:
        raise UserError(f"expected a device among {', '.join(kinds)}, such as cuda:0, got {name!r}")
    if match[1] == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if int(match[2] or 0) >= count:
            raise UserError(f"there is no device {name}: PyTorch sees {count} GPUs here; say --device cpu")
    elif match[2] not in (None, "0"):
        raise UserError(f"there is no device {name}: there is one {match[1]}")
    return torch.device(name)
