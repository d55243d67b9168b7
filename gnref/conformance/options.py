"""How a gradient normalization is judged: the arguments of the command line, of `Subject` and of a pytest suite.

Nothing here imports PyTorch, so that a command line with a mistake in it is answered at once.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

from gnref.errors import UserError

Capability = Literal[
    "no-conditional",
    "images-only",
    "column-scores",
    "one-sample",
    "cuda-inside",
    "generator-only",
    "values-only",
    "piecewise-linear-only",
    "float32-only",
]

CAPABILITIES: dict[Capability, str] = {
    "no-conditional": "the discriminator is called with x alone",
    "images-only": "x has four dimensions, (N, C, H, W)",
    "column-scores": "the discriminator's scores are (N, 1)",
    "one-sample": "a call takes one sample, x of shape (1, ...)",
    "cuda-inside": "it calls .cuda() itself, which without a GPU is taken to leave a tensor where it is",
    "generator-only": "scores carry a gradient in x, not in the discriminator's parameters",
    "values-only": "scores carry no gradient",
    "piecewise-linear-only": "exact for piecewise-linear discriminators alone",
    "float32-only": "float64 is not supported",
}
"""What may be declared of a subject.

Each leaves laws out, with its reason shown, or changes how the subject is called.
"""

ADAPTED: tuple[Capability, ...] = ("images-only", "column-scores", "one-sample", "cuda-inside")
"""Limits under which the subject is called another way; the others leave laws out."""


@dataclass(frozen=True)
class Options:
    """How a gradient normalization is judged."""

    capability: tuple[Capability, ...] = ()
    """Declared limits of the subject: no-conditional (D is called with x alone), images-only (x has four dimensions),
    column-scores (scores are (N, 1)), one-sample (a call takes one sample), cuda-inside (it calls .cuda() itself),
    generator-only (no gradient in D's parameters), values-only (no gradients), piecewise-linear-only, float32-only."""
    eps: float = 0.0
    """An ε declared in the denominator, f/(g + |f| + ε), such as 1e-8: the laws run where it vanishes, and one more
    asks its size."""
    expect: tuple[str, ...] = ()
    """Laws declared to fail, each as LAW=REASON (value=..., or value-float32=... for one dtype)."""
    expect_file: Path | None = None
    """A file of such declarations, one LAW=REASON a line; empty lines and lines that begin with # are left out."""
    strict: bool = False
    """Robustness laws count as well."""
    budget: str | None = None
    """As many cases as fit into this time, such as 10s; by default 12 a law and dtype, beside fixed ones."""
    limit: str = "60s"
    """How long one law may take before the subject counts as never returning."""
    seed: int = 0
    """Draws the cases."""
    device: str = "cpu"
    """cpu, cuda or cuda:0."""

    def check(self) -> None:
        """Raise UserError for a value that cannot be meant."""
        known = get_args(Capability)
        for name in self.capability:
            if name not in known:
                raise UserError(f"expected a capability of {', '.join(known)}, got {name!r}")
        if not 0 <= self.eps <= 0.125:
            raise UserError(f"expected a declared eps between 0 and 0.125, got {self.eps}")
        if re.fullmatch(r"cpu|cuda(:\d+)?", self.device) is None:
            raise UserError(f"expected a device cpu, cuda or cuda:0, got {self.device!r}")
        if not 0 <= self.seed < 2**32:
            raise UserError(f"expected a seed from 0 to 4294967295, got {self.seed}")
        _ = self.limit_seconds, self.budget_seconds, self.expected

    @property
    def limit_seconds(self) -> float:
        """`limit` in seconds."""
        return seconds(self.limit)

    @property
    def budget_seconds(self) -> float | None:
        """`budget` in seconds; None without one."""
        return None if self.budget is None else seconds(self.budget)

    @cached_property
    def expected(self) -> Mapping[str, str]:
        """The laws declared to fail, each with its reason."""
        found: dict[str, str] = {}
        for entry in (*self.expect, *([] if self.expect_file is None else _lines(self.expect_file))):
            law, _, reason = entry.partition("=")
            if not law.strip() or not reason.strip():
                raise UserError(f"expected a law that fails and why, as zero-over-zero=REASON, got {entry!r}")
            if law.strip() in found:
                raise UserError(f"expected each law to be declared to fail once, got {law.strip()} twice")
            found[law.strip()] = reason.strip()
        return found


def _lines(file: Path) -> list[str]:
    if not file.is_file():  # a device or a pipe may never end
        raise UserError(f"expected a text file of lines LAW=REASON, but there is no file {file}")
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"expected a text file of lines LAW=REASON, but {file} cannot be read: "
            f"{error.strerror if isinstance(error, OSError) else 'it is no UTF-8'}"
        ) from None
    return [line for line in map(str.strip, lines) if line and not line.startswith("#")]


def seconds(duration: str) -> float:
    """A duration such as 10s, 2m or 0.5 in seconds; UserError for anything else."""
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)(s|m)?", duration, re.ASCII)
    if match is None or float(match[1]) == 0:
        raise UserError(f"expected a duration such as 10s or 2m, got {duration!r}")
    return float(match[1]) * (60 if match[2] == "m" else 1)
