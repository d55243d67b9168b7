"""The README's example runs, and its tables are the ones the code generates."""

import importlib.util
import re
from pathlib import Path

import torch

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_the_generated_parts_are_current() -> None:
    spec = importlib.util.spec_from_file_location("readme", ROOT / "tests" / "readme.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.filled(README) == README, "run: python tests/readme.py"


def test_the_example_runs() -> None:
    (example,) = re.findall(r"<!-- example.*?```python\n(.*?)```", README, re.DOTALL)
    torch.manual_seed(0)
    names: dict[str, object] = {}
    exec(example, names)  # the README's own text
    assert isinstance(names["scores"], torch.Tensor)
    assert names["scores"].abs().max() <= 1
