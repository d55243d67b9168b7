"""The golden vectors as files: JSON with hexadecimal floats, and safetensors with the same numbers."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

from gnref.exact import Array
from gnref.files import write_atomically
from gnref.vectors.make import FLAGS, VERSION, vectors
from gnref.vectors.oracle import Vector

FOLDER = Path(__file__).parent


def write(folder: Path) -> list[Path]:
    """Write vectors.json and vectors.safetensors into `folder`, each at once or not at all; their paths."""
    found = vectors()
    contents = {"vectors.json": as_json(found).encode(), "vectors.safetensors": as_safetensors(found)}
    for name, content in contents.items():
        write_atomically(folder / name, content)
    return [folder / name for name in contents]


def as_json(found: list[Vector]) -> str:
    """The document that vectors.schema.json describes, a vector a line."""
    lines = ",\n".join(json.dumps(_described(vector), separators=(",", ":")) for vector in found)
    flags = json.dumps(FLAGS, ensure_ascii=False, indent=1)
    return f'{{"version": {VERSION},\n"flags": {flags},\n"vectors": [\n{lines}\n]}}\n'


def as_safetensors(found: list[Vector]) -> bytes:
    """Every array of the document as `ID/PART/NAME` in float64, labels in int64."""
    from safetensors.numpy import save

    arrays: dict[str, Any] = {}
    for vector in found:
        for part, named in _parts(vector).items():
            arrays |= {f"{vector.id}/{part}/{name}": value for name, value in named.items()}
        if vector.labels is not None:
            arrays[f"{vector.id}/inputs/labels"] = vector.labels
    return save(arrays, {"version": str(VERSION)})


def _parts(vector: Vector) -> dict[str, dict[str, Array]]:
    return {
        "parameters": vector.network.parameters,
        "inputs": {"x": vector.x, "cotangents": vector.cotangents},
        "expected": vector.expected,
        "largest": vector.largest,
    }


def _described(vector: Vector) -> dict[str, Any]:
    return {
        "id": vector.id,
        "level": vector.level,
        "flags": list(vector.flags),
        "activation": vector.network.activation,
        "slope": vector.network.slope,
        "layers": [
            {"kind": "linear"}
            if layer.kind == "linear"
            else {"kind": "convolution", "stride": layer.stride, "padding": layer.padding}
            for layer in vector.network.layers
        ],
        "roundings": vector.roundings,
        "labels": None if vector.labels is None else vector.labels.tolist(),
        "exact": {"score": _hex(vector.score), "squared_norm": [_ratio(value) for value in vector.squared_norm]},
        **{part: {name: _hex(value) for name, value in named.items()} for part, named in _parts(vector).items()},
    }


def _hex(values: Array) -> Any:
    def text(value: Any) -> Any:
        return [text(v) for v in value] if isinstance(value, list) else float(value).hex()

    return text(values.tolist())


def _ratio(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"
