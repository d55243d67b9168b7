"""Reads golden vectors, and judges what another framework makes of them. NumPy alone: copy this file.

For every vector compute f̂ (N,) as `normalized`, ‖∇ₓf‖ (N,) as `gradient_norm`, and the gradient of Σ cotangents_i f̂_i
in x and in every parameter as `gradient.x`, `gradient.weight.0` and so on; vectors.schema.json says the rest.
"""

import json
from typing import Any

import numpy as np


def read(path: Any) -> list[dict[str, Any]]:
    """The vectors of vectors.json: dictionaries, their numbers in float64 arrays by name."""

    def number(value: Any) -> Any:
        return [number(v) for v in value] if isinstance(value, list) else float.fromhex(value)

    with open(path, encoding="utf-8") as file:
        vectors: list[dict[str, Any]] = json.load(file)["vectors"]
    for vector in vectors:
        for part in ("parameters", "inputs", "expected", "largest"):
            vector[part] = {name: np.array(number(value)) for name, value in vector[part].items()}
    return vectors


def wrong(vector: dict[str, Any], got: dict[str, Any], dtype: str = "float64") -> list[str]:
    """The names of outputs in `got` that are more than `roundings` roundings in `dtype` off, NaN or misshapen."""
    unit = vector["roundings"] * (np.finfo(dtype).eps / 2 + 2.0**-53)
    expected, largest = vector["expected"], vector["largest"]
    return [
        name
        for name, value in got.items()
        if np.shape(value) != expected[name].shape
        or not np.all(np.abs(np.asarray(value, "float64") - expected[name]) <= unit * largest[name])
    ]
