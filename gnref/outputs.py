"""What discriminators return: a tensor of scores, or scores and other things in tuples, lists and dictionaries."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

Key = str | int
Selection = Key | tuple[Key, ...]
"""Where the scores stand in an output: an index, a key or a field's name, or several of them from the outside in."""


def changed(output: Any, change: Callable[[Any], Any], selection: Selection | None = None) -> Any:
    """The same structure with `change(scores)` in the place of every score tensor.

    Without a selection all tensors are scores, however deep they stand, and a None among them stays None. With one,
    only the tensors below the selected place are; the rest of the output is passed on as it is.

    Raises:
        ValueError: there is nothing at the selected place, or no score at all.

    >>> changed({"score": 1, "features": [2, 3]}, lambda value: -value, "score")
    {'score': -1, 'features': [2, 3]}
    """
    if isinstance(output, Tensor) and selection is None:
        return change(output)
    if selection is not None:
        keys = selection if isinstance(selection, tuple) else (selection,)
        return _at(output, keys, lambda part: changed(part, change), keys)
    if isinstance(output, (tuple, list, Mapping)):
        if not _some(output):
            raise ValueError("gradient_normalize: expected a score from the discriminator, got none in its output")
        return _rebuilt(output, {key: part if part is None else changed(part, change) for key, part in _parts(output)})
    return change(output)


def _at(output: Any, keys: tuple[Key, ...], change: Callable[[Any], Any], selection: tuple[Key, ...]) -> Any:
    if not keys:
        return change(output)
    names = _names(output)
    key = names.get(keys[0])
    if key is None:
        known = ", ".join(repr(name) for name in names) or "nothing to select from"
        raise ValueError(
            f"gradient_normalize: expected output= to name a part of the discriminator's output, got {selection!r}; "
            f"at {keys[0]!r} there is {type(output).__name__} with {known}"
        )
    part = dict(_parts(output))[key]
    return _rebuilt(output, {key: _at(part, keys[1:], change, selection)})


def _parts(output: Any) -> list[tuple[Key, Any]]:
    return list(output.items() if isinstance(output, Mapping) else enumerate(output))


def _names(output: Any) -> dict[Key, Key]:
    """What each part can be called, and its key: a negative index and a named tuple's fields are names too."""
    if isinstance(output, Mapping):
        return {key: key for key in output}
    if not isinstance(output, (tuple, list)):
        return {}
    names: dict[Key, Key] = {i: i for i in range(len(output))}
    names |= {name: i for i, name in enumerate(getattr(output, "_fields", ()))}
    return names | {i - len(output): i for i in range(len(output))}


def _rebuilt(output: Any, parts: dict[Key, Any]) -> Any:
    """The container with some parts exchanged, of the same class."""
    if isinstance(output, Mapping):
        exchanged = copy.copy(output) if hasattr(output, "__setitem__") else dict(output)
        for key, part in parts.items():
            exchanged[key] = part
        return exchanged
    values = [parts.get(i, value) for i, value in enumerate(output)]
    return type(output)(*values) if hasattr(output, "_fields") else type(output)(values)


def _some(output: Any) -> bool:
    """Whether anything but None and empty containers stands in the output."""
    if isinstance(output, (tuple, list, Mapping)):
        return any(_some(part) for _, part in _parts(output))
    return output is not None
