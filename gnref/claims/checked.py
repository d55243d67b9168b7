"""Which laws check a claim, read from the laws' source: importing them would import PyTorch, which takes seconds."""

import ast
from functools import cache
from pathlib import Path
from typing import NamedTuple

_LAWS = Path(__file__).parent.parent / "laws"


class Named(NamedTuple):
    """A law by its id, and the name that its file and its property's file share."""

    id: str
    file: str

    @property
    def where(self) -> str:
        """The law's file and the property's, as they stand in the repository."""
        return f"gnref/laws/{self.file}.py, properties/test_{self.file}.py"


@cache
def laws_by_claim() -> dict[str, tuple[Named, ...]]:
    """Every law under the claim that its decorator, `@law("CLAIM")` or `@law_of_f("CLAIM")`, names."""
    found: dict[str, list[Named]] = {}
    for path in sorted(_LAWS.glob("*.py")):
        functions = [
            node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)
        ]
        for function in functions:
            for decorator in function.decorator_list:
                match decorator:
                    case ast.Call(func=ast.Name(id="law" | "law_of_f"), args=[ast.Constant(value=str(claim)), *_]):
                        found.setdefault(claim, []).append(Named(function.name.replace("_", "-"), path.stem))
    return {claim: tuple(laws) for claim, laws in found.items()}


def checked_by(claim: str) -> list[str]:
    """Lines that name the claim's laws, their files and their properties' files."""
    laws = laws_by_claim().get(claim, ())
    width = max((len(law.id) for law in laws), default=0)
    return [f"{law.id:<{width}}  {law.where}" for law in laws]
