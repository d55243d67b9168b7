"""Which laws each style of public code keeps.

`PYTHONPATH=tests python tests/subjects/styles_table.py` writes the table, tests/subjects/styles.md, that the
documentation shows; a test compares.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
from subjects import styles

from gnref import gradient_normalize
from gnref.conformance import Finding, Options, Subject
from gnref.conformance.calling import as_function
from gnref.conformance.options import Capability

TABLE = Path(__file__).with_name("styles.md")


@dataclass(frozen=True)
class Style:
    """One way of writing it, under the heading of its row."""

    heading: str
    about: str
    normalize: Callable[..., Any]
    generator: Callable[..., Tensor] | None = None
    eps: float = 0.0
    capability: tuple[Capability, ...] = ()

    def findings(self) -> list[Finding]:
        """What became of every law, in float64 where it is judged there; of a pair, of its generator form."""
        subject = Subject(self.normalize, self.generator, Options(self.capability, self.eps))
        checks = [check for check in subject.checks() if check.of_generator == (self.generator is not None)]
        first = {check.law.id: check for check in reversed(checks) if check.law.id not in _OF_THE_KIT}
        return [subject.judge(check, 2) for check in reversed(first.values())]


_OF_THE_KIT = ("plain-call", "declared-eps")

_plus_eps = styles.formula(lambda f, v: v.norm(dim=-1) + f + 1e-8)
_tf_norm = styles.formula(lambda f, v: v.square().sum(-1).sqrt() + f)

_LINEAR: tuple[Capability, ...] = ("piecewise-linear-only",)

STYLES = (
    Style("gnref", "this package", gradient_normalize),
    Style("literal", "one forward pass, one gradient with its graph, one quotient", styles.literal),
    Style("original", "the published function: labels by name alone, `x.requires_grad_()` in place", styles.original),
    Style("two passes", "‖∇f‖ from a helper with a forward pass of its own", styles.two_forwards),
    Style("loop", "one sample after another", styles.loop),
    Style("vmap", "`torch.func.vmap(grad(...))`", styles.functional),
    Style("module", "a module that wraps the discriminator", styles.Wrapper),
    Style(
        "a class at a time",
        "a gradient for each column of scores (N, K), with `--capability column-scores`",
        styles.a_class_at_a_time,
        capability=("column-scores",),
    ),
    Style(
        "no labels",
        "no place for labels, with `--capability no-conditional`",
        styles.without_labels,
        capability=("no-conditional",),
    ),
    Style(
        "images only",
        "a norm over dimensions 1, 2, 3, with `--capability images-only`",
        styles.images_only,
        capability=("images-only",),
    ),
    Style(
        "cuda inside",
        "`x.cuda()` inside, with `--capability cuda-inside`",
        styles.to_the_gpu,
        capability=("cuda-inside",),
    ),
    Style("+ ε", "ε = 1e-8 added below, not declared", _plus_eps),
    Style("+ ε, declared", "the same, judged with `--eps 1e-8`", _plus_eps, eps=1e-8),
    Style("√(·+ε)", "ε = 1e-8 under the root", styles.formula(lambda f, v: (v.square().sum(-1) + 1e-8).sqrt() + f)),
    Style(
        "√ of squares",
        "the root of a sum of squares, as TensorFlow's `tf.norm`, whose derivative at 0 is NaN",
        _tf_norm,
    ),
    Style(
        "clamped", "the denominator at least 1e-8", styles.formula(lambda f, v: (v.norm(dim=-1) + f).clamp_min(1e-8))
    ),
    Style("float32", "the quotient in float32 whatever the input, as under mixed precision", styles.single),
    Style("detached", "the norm without `create_graph`", styles.detached),
    Style("mean", "the gradient of the batch's mean score", styles.batch_mean),
    Style("dim=1", "`norm(dim=1)` of a gradient that has not been flattened", styles.channel_norm),
    Style(
        "shortcut",
        "a loss-aware generator step in closed form, of a pair",
        styles.literal,
        styles.shortcut,
        capability=_LINEAR,
    ),
    Style(
        "shortcut in backward",
        "the same, which calls its loss in backward",
        styles.literal,
        styles.shortcut_in_backward,
        capability=_LINEAR,
    ),
    Style(
        "mean shortcut", "the same for the loss's mean alone", styles.literal, styles.mean_shortcut, capability=_LINEAR
    ),
)


def dense_map(style: Style) -> str:
    """What two patches f = (x, -x) at x = 2 become: 2/3 and -2/3 each by itself, or what the sum's gradient makes.

    "" where the style has no such scores.
    """

    def patches(x: Tensor) -> Tensor:
        return torch.stack([x, -x], dim=2)[:, None]  # (N, 1, 1, 2)

    if style.generator is not None or style.capability:
        return ""
    try:
        got = as_function(style.normalize)(patches, torch.tensor([[2.0]], dtype=torch.float64)).flatten().tolist()
    except (RuntimeError, ValueError):
        return "refused"
    return "right" if got == [2 / 3, -2 / 3] else "wrong"


def table() -> str:
    """Markdown: a row a style, with the laws it breaks."""
    found = {style: style.findings() for style in STYLES}
    laws = {f.law: f for findings in found.values() for f in findings}
    lines = ["| style | breaks of the required laws | breaks of robustness | a map of patches |", "|---|---|---|---|"]
    words = {"right": "right", "wrong": "one gradient for all", "refused": "refused", "": ""}
    for style, findings in found.items():
        broken = {
            level: [f"`{law}`" for law in laws if laws[law].level == level and _is_broken(findings, law)]
            for level in ("required", "robustness")
        }
        cells = [", ".join(broken[level]) or "none" for level in ("required", "robustness")]
        lines.append(f"| **{style.heading}**: {style.about} | {cells[0]} | {cells[1]} | {words[dense_map(style)]} |")
    kept = [f"`{law}`" for law in laws if not any(_is_broken(findings, law) for findings in found.values())]
    return "\n".join([*lines, "", f"Of {len(laws)} laws, kept by all styles: {', '.join(kept)}."]) + "\n"


def _is_broken(findings: list[Finding], law: str) -> bool:
    return bool({f.outcome for f in findings if f.law == law} & {"broken", "raised", "never returned"})


if __name__ == "__main__":
    torch.set_num_threads(1)
    TABLE.write_text(table(), encoding="utf-8")
