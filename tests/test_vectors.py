"""The golden vectors: checked in as they are made, right by their own oracle, read by NumPy alone, used by JAX."""

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from subjects.schema import violations
from torch import nn

from gnref import gradient_normalize, normalization_parts
from gnref.vectors import FOLDER, VERSION, vectors, write

READER = FOLDER / "reader.py"


def _reader() -> ModuleType:
    """The reader as another project has it: a file by itself."""
    spec = importlib.util.spec_from_file_location("golden_reader", READER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reader = _reader()
VECTORS: list[dict[str, Any]] = reader.read(FOLDER / "vectors.json")
IDS = [vector["id"] for vector in VECTORS]
DOCUMENT = json.loads((FOLDER / "vectors.json").read_text(encoding="utf-8"))


def test_the_checked_in_files_are_what_the_command_writes(tmp_path: Path) -> None:
    for path in write(tmp_path):
        assert path.read_bytes() == (FOLDER / path.name).read_bytes(), f"run python -m gnref.vectors for {path.name}"
    assert sum((FOLDER / name).stat().st_size for name in ("vectors.json", "vectors.safetensors")) < 320_000


def test_the_document_is_as_its_schema_says() -> None:
    schema = json.loads((FOLDER / "vectors.schema.json").read_text(encoding="utf-8"))
    assert violations(DOCUMENT, schema, schema) == []
    assert DOCUMENT["version"] == VERSION
    broken = json.loads(json.dumps(DOCUMENT))
    broken["vectors"][0]["expected"]["normalized"][0] = "0.5"
    broken["vectors"][1]["surplus"] = 1
    del broken["vectors"][2]["labels"]
    assert len(violations(broken, schema, schema)) == 3


def test_the_two_formats_hold_the_same_numbers() -> None:
    from safetensors import safe_open

    with safe_open(FOLDER / "vectors.safetensors", "np") as file:
        assert file.metadata() == {"version": str(VERSION)}
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    expected: dict[str, Any] = {}
    for vector in VECTORS:
        for part in ("parameters", "inputs", "expected", "largest"):
            expected |= {f"{vector['id']}/{part}/{name}": value for name, value in vector[part].items()}
        if vector["labels"] is not None:
            expected[f"{vector['id']}/inputs/labels"] = np.array(vector["labels"])
    assert sorted(arrays) == sorted(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(arrays[name], value, err_msg=name, strict=True)


def test_every_flag_is_explained_and_used_and_no_id_is_twice() -> None:
    used = {flag for vector in VECTORS for flag in vector["flags"]}
    assert used == set(DOCUMENT["flags"])
    assert len(set(IDS)) == len(IDS)
    assert {vector["level"] for vector in VECTORS if not vector["flags"]} == set()


def test_the_reader_needs_numpy_alone_and_is_thirty_lines() -> None:
    code = (
        f"import importlib.util, sys; s = importlib.util.spec_from_file_location('r', {str(READER)!r});"
        f"r = importlib.util.module_from_spec(s); s.loader.exec_module(r);"
        f"v = r.read({str(FOLDER / 'vectors.json')!r});"
        "print(len(v), {'torch', 'gnref', 'safetensors', 'scipy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{len(VECTORS)} set()\n"
    body = re.sub(r'""".*?"""', "", READER.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len([line for line in body.splitlines() if line.strip()]) <= 30


@pytest.mark.parametrize("vector", VECTORS, ids=IDS)
def test_weights_and_inputs_are_exact_in_float32(vector: dict[str, Any]) -> None:
    for value in [*vector["parameters"].values(), *vector["inputs"].values()]:
        np.testing.assert_array_equal(value.astype(np.float32).astype(np.float64), value)


def test_a_vector_worked_by_hand() -> None:
    """f = 3x + 4y + 1/2 at (-4, -4), (-4, -1), ...: g = 5, and f̂ = f/(5 + |f|)."""
    vector = VECTORS[IDS.index("affine-3-4")]
    x = vector["inputs"]["x"]
    f = [3 * Fraction(a) + 4 * Fraction(b) + Fraction(1, 2) for a, b in x.tolist()]
    assert [Fraction(value) for value in map(float.fromhex, vector["exact"]["score"])] == f
    assert vector["exact"]["squared_norm"] == ["25/1"] * 9
    truth = [float(value / (5 + abs(value))) for value in f]
    assert vector["expected"]["normalized"].tolist() == truth
    # ∂/∂bias Σ l f̂ = Σ l g/N²
    weights = [Fraction(w) for w in vector["inputs"]["cotangents"].tolist()]
    slope = sum((w * 5 / (5 + abs(value)) ** 2 for w, value in zip(weights, f, strict=True)), Fraction(0))
    assert vector["expected"]["gradient.bias.0"].tolist() == [float(slope)]


# This package, and another framework


def by_torch(vector: dict[str, Any], dtype: torch.dtype, normalize: Callable[..., torch.Tensor]) -> dict[str, Any]:
    parameters = {
        name: torch.tensor(value, dtype=dtype, requires_grad=True) for name, value in vector["parameters"].items()
    }
    x = torch.tensor(vector["inputs"]["x"], dtype=dtype, requires_grad=True)

    def discriminator(x: torch.Tensor) -> torch.Tensor:
        for i, layer in enumerate(vector["layers"]):
            hidden, weight, bias = x, parameters[f"weight.{i}"], parameters[f"bias.{i}"]
            if layer["kind"] == "linear":
                x = x.flatten(1) @ weight.T + bias
            else:
                x = nn.functional.conv2d(x, weight, bias, layer["stride"], layer["padding"])
            if i < len(vector["layers"]) - 1:
                x = x**2 if vector["activation"] == "square" else nn.functional.leaky_relu(x, vector["slope"])
        if vector["labels"] is not None:
            x = x + (parameters["embedding"][vector["labels"]] * hidden).sum(1, keepdim=True)
        return x

    scores = normalize(discriminator, x)[:, 0]
    norm = normalization_parts(discriminator, x.detach()).gradient_norm
    loss = (torch.tensor(vector["inputs"]["cotangents"], dtype=dtype) * scores).sum()
    gradients = torch.autograd.grad(loss, [x, *parameters.values()])
    named = dict(zip(["x", *parameters], gradients, strict=True))
    values = {"normalized": scores.detach().numpy(), "gradient_norm": norm.numpy()}
    return values | {f"gradient.{k}": v.numpy() for k, v in named.items()}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("vector", VECTORS, ids=IDS)
def test_the_reference_agrees_with_every_vector(vector: dict[str, Any], dtype: str) -> None:
    got = by_torch(vector, getattr(torch, dtype), gradient_normalize)
    assert reader.wrong(vector, got, dtype) == {}


def jax_normalized(vector: dict[str, Any], dtype: str, detached: bool = False) -> dict[str, Any]:
    """Gradient normalization in JAX: f/(‖∇ₓf‖ + |f|) by grad and vmap; `detached` forgets the norm's own gradient."""
    jax = pytest.importorskip("jax", reason="jax is not installed")
    jnp = jax.numpy
    with jax.enable_x64(True):
        parameters = {name: jnp.asarray(value, dtype) for name, value in vector["parameters"].items()}
        depth = len(vector["layers"])
        labels = jnp.asarray(vector["labels"] or [0] * len(vector["inputs"]["x"]))

        def score(x: Any, y: Any, p: Any) -> Any:
            hidden = x
            for i, layer in enumerate(vector["layers"]):
                w, b = p[f"weight.{i}"], p[f"bias.{i}"]
                if layer["kind"] == "linear":
                    z = w @ hidden.ravel() + b
                else:
                    strides, pads = [layer["stride"]] * 2, [[layer["padding"]] * 2] * 2
                    z = jax.lax.conv_general_dilated(hidden[None], w, strides, pads)[0] + b[:, None, None]
                if i == depth - 1:
                    return z[0] + (p["embedding"][y] @ hidden if "embedding" in p else 0)
                hidden = z * z if vector["activation"] == "square" else jnp.where(z > 0, z, vector["slope"] * z)
            raise AssertionError

        def parts(x: Any, y: Any, p: Any) -> Any:
            f, v = jax.value_and_grad(score)(x, y, p)
            norm = jnp.sqrt((v * v).sum())
            norm = jax.lax.stop_gradient(norm) if detached else norm
            return f / (norm + jnp.abs(f)), norm

        def loss(x: Any, p: Any) -> Any:
            scores, norms = jax.vmap(parts, (0, 0, None))(x, labels, p)
            return (jnp.asarray(vector["inputs"]["cotangents"], dtype) * scores).sum(), (scores, norms)

        # Compiled as a whole: operation by operation, JAX compiles each by itself.
        x = jnp.asarray(vector["inputs"]["x"], dtype)
        (of_x, of_parameters), (normalized, norm) = jax.jit(jax.grad(loss, (0, 1), has_aux=True))(x, parameters)
        gradients = {"x": of_x, **of_parameters}
        found = {"normalized": normalized, "gradient_norm": norm}
        return {k: np.asarray(v) for k, v in (found | {f"gradient.{k}": v for k, v in gradients.items()}).items()}


LIVE = [v for v in VECTORS if v["level"] == "required" and "dead" not in v["flags"]]
TWO = [v for v in LIVE if v["id"] in ("wide-abs", "image-leaky")]
"""Where ∇f = 0, √ of the sum of squares has no derivative in JAX: NaN, which the kit's robustness is about."""


def test_an_implementation_in_jax_agrees() -> None:
    for dtype, chosen in {"float64": LIVE, "float32": TWO}.items():
        found = {v["id"]: reader.wrong(v, jax_normalized(v, dtype), dtype) for v in chosen}
        assert found == {v["id"]: {} for v in chosen}


def test_the_literal_formula_in_jax_fails_at_the_edges() -> None:
    edges = [v for v in VECTORS if v["level"] == "robustness"]
    found = {v["id"]: bool(reader.wrong(v, jax_normalized(v, "float32"), "float32")) for v in edges}
    assert found == {
        "zero-over-zero": True,
        "norm-underflows": True,
        "norm-overflows": True,
        "saturated": True,
        "steep": False,
    }


def test_a_wrong_implementation_in_jax_is_told() -> None:
    """With the norm detached every value is right, and no parameter's gradient."""
    for vector in TWO:
        found = reader.wrong(vector, jax_normalized(vector, "float64", detached=True))
        assert "normalized" not in found
        assert "gradient.weight.0" in found, vector["id"]


MUTATIONS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "eps": lambda got: got | {"normalized": got["normalized"] * (1 - 1e-9)},
    "sign": lambda got: got | {"gradient.x": -got["gradient.x"]},
    "nan": lambda got: got | {"gradient.bias.0": got["gradient.bias.0"] * float("nan")},
    "shape": lambda got: got | {"normalized": got["normalized"][:, None]},
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_the_reader_tells_a_wrong_number(name: str) -> None:
    vector = VECTORS[IDS.index("deep-leaky")]
    got = by_torch(vector, torch.float64, gradient_normalize)
    assert len(reader.wrong(vector, MUTATIONS[name](got))) == 1


def test_the_reader_tells_what_is_missing_and_what_is_no_output() -> None:
    vector = VECTORS[IDS.index("image-leaky")]
    got = by_torch(vector, torch.float64, gradient_normalize)
    del got["gradient.weight.0"]
    got["gradient.weight"] = 0
    assert reader.wrong(vector, got) == {"gradient.weight.0": "missing", "gradient.weight": "no such output"}


@pytest.mark.parametrize("axes", [(1,), (2, 3), (1, 2)])
def test_a_norm_over_some_axes_of_an_image_is_told(axes: tuple[int, ...]) -> None:
    def wrong(D: Callable[..., torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        f = D(x)
        (v,) = torch.autograd.grad(f.sum(), x, create_graph=True)
        g = torch.linalg.vector_norm(v, dim=axes).flatten(1).mean(1, keepdim=True)
        return f / (g + f.abs())

    for vector in (v for v in VECTORS if "image" in v["flags"]):
        assert "normalized" in reader.wrong(vector, by_torch(vector, torch.float64, wrong)), vector["id"]


def test_a_smooth_discriminator_has_its_hessian_in_the_gradient_of_x() -> None:
    """By a shortcut for piecewise-linear D every value is right, and the gradient in x is not."""

    class Shortcut(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor, f: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
            g = v.flatten(1).norm(dim=1)[:, None]
            ctx.slope = (g / (g + f.abs()) ** 2).view(-1, *[1] * (v.dim() - 1)) * v
            return f / (g + f.abs())

        @staticmethod
        def backward(ctx: Any, weights: torch.Tensor) -> tuple[torch.Tensor, None, None]:
            return weights.view(-1, *[1] * (ctx.slope.dim() - 1)) * ctx.slope, None, None

    def linear_only(D: Callable[..., torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        f = D(x)
        (v,) = torch.autograd.grad(f.sum(), x, create_graph=True)
        known: torch.Tensor = Shortcut.apply(x, f.detach(), v.detach())  # type: ignore[no-untyped-call]
        return known + 0 * f

    for vector in (v for v in VECTORS if "smooth" in v["flags"]):
        found = reader.wrong(vector, by_torch(vector, torch.float64, linear_only))
        assert "normalized" not in found
        assert "gradient.x" in found


def test_the_vectors_are_a_function_of_nothing() -> None:
    first, second = vectors(), vectors()
    assert [v.id for v in first] == IDS
    for a, b in zip(first, second, strict=True):
        assert all(np.array_equal(a.expected[name], b.expected[name]) for name in a.expected)
