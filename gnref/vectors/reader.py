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


def wrong(vector: dict[str, Any], got: dict[str, Any], dtype: str = "float64") -> dict[str, str]:
    """Which expected outputs are missing from `got`, misshapen, NaN or too far off, and how; empty where all are right.

    An output may be off by `roundings` roundings in `dtype`, relative to the sizes of the terms it is the sum of.
    """
    unit, told = vector["roundings"] * (np.finfo(dtype).eps / 2 + 2.0**-53), {}
    for name, expected in vector["expected"].items():
        if name not in got:
            told[name] = "missing"
        elif np.shape(got[name]) != expected.shape:
            told[name] = f"expected the shape {expected.shape}, got {np.shape(got[name])}"
        else:
            off = np.abs(np.asarray(got[name], "float64") - expected)
            bad = ~(off <= unit * vector["largest"][name])
            if bad.any():
                told[name] = (
                    f"off by {off[bad][0]:.3g} at {np.argwhere(bad)[0].tolist()}, expected {expected[bad][0]:.17g}"
                )
    return told | {name: "no such output" for name in got if name not in vector["expected"]}
