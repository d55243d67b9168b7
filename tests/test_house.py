"""The house's plan: what may import what, what an import costs, and that the tables of the README are generated."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "gnref"

# Each room imports only from rows above its own; rooms of one row do not import each other, except as named below.
ORDER = [
    ["errors", "remedies"],
    ["allocation", "devices", "figures", "files", "parsing", "supervisor"],
    [
        "exact",
        "exact_parts",
        "exact_images",
        "exact_modules",
        "claims",
        "report",
        "activations",
        "owners",
        "uncompiled",
        "quotient",
        "capture",
    ],
    ["operations", "shifts"],
    ["bilinear", "graph", "linear_parts"],
    ["passes"],
    ["networks", "losses", "data", "replay", "admissible", "outputs", "work"],
    ["coupling"],
    ["call", "preparing"],
    ["normalization"],
    ["penalties", "certificates", "registration"],
    ["strategies", "laws", "provenance", "runs"],
    ["training", "evaluation", "vectors", "conformance", "diagnosis"],
    ["exchange", "measure"],
    ["evidence"],
    ["pytest_plugin", "cli"],
    ["__main__"],
]
WITHIN_A_ROW = {
    ("claims", "report"),
    ("claims", "exact"),
    ("exact", "exact_modules"),
    ("exact_parts", "exact"),
    ("exact_images", "exact"),
    ("exact_images", "exact_parts"),
    ("exact_modules", "exact_images"),
    ("strategies", "laws"),
}
EXPERIMENTS = {"networks", "data", "runs", "training", "evaluation", "measure", "evidence", "exchange"}
PROOFS = {
    "exact",
    "exact_parts",
    "exact_images",
    "exact_modules",
    "claims",
    "laws",
    "strategies",
    "certificates",
    "conformance",
    "vectors",
    "diagnosis",
    "report",
}
# A diagnosis looks at images and times a step; the laws have rows for the paper's own networks on images.
ACROSS_WINGS = {"diagnosis", "laws"}


def rooms() -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        if path != PACKAGE / "__init__.py":
            found.setdefault(path.relative_to(PACKAGE).parts[0].removesuffix(".py"), []).append(path)
    return found


def imports(path: Path) -> set[str]:
    """The rooms of the package that a file imports, at its top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "gnref":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("gnref."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("gnref.")}
    return found


def test_every_room_stands_in_the_plan() -> None:
    assert set(rooms()) == {room for row in ORDER for room in row}


@pytest.mark.parametrize("room", [room for row in ORDER for room in row])
def test_imports_run_one_way(room: str) -> None:
    rank = {name: i for i, row in enumerate(ORDER) for name in row}
    for path in rooms().get(room, []):
        for other in imports(path) & set(rank) - {room}:
            allowed = rank[other] < rank[room] or (room, other) in WITHIN_A_ROW
            assert allowed, f"{path.relative_to(ROOT)} imports gnref.{other}, which stands after gnref.{room}"
            if room in EXPERIMENTS:
                assert other not in PROOFS, f"{path.relative_to(ROOT)} reaches into the proofs' wing: gnref.{other}"
            if room in PROOFS - ACROSS_WINGS:
                assert other not in EXPERIMENTS, (
                    f"{path.relative_to(ROOT)} reaches into the experiments' wing: gnref.{other}"
                )


def test_importing_the_package_needs_torch_and_numpy_only() -> None:
    program = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        if top in {"hypothesis", "pytest", "scipy", "tyro", "tqdm", "PIL", "safetensors", "lmdb", "tensorboard",
                   "torch_fidelity", "torchvision", "matplotlib", "asv", "jax"}:
            raise ImportError(f"gnref imported {name}")
import torch, numpy
sys.meta_path.insert(0, Refuse())
import gnref
rooms = sorted(name for name in sys.modules if name.startswith("gnref."))
assert not [r for r in rooms if r.split(".")[1] in ("networks", "data", "training", "laws", "claims", "cli")], rooms
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


def test_nothing_names_a_path_outside_the_project() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    for name in tracked.stdout.split("\0"):
        path = ROOT / name
        if name and path.suffix in {".py", ".md", ".toml", ".json", ".ini", ".txt"} and path.is_file():
            text = path.read_text()
            assert "../" + "shared" not in text, name
            assert "/wo" + "rk/" not in text, name
