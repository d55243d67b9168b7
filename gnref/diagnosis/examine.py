"""Does the theorem apply to a discriminator, and what does gradient normalization do to it on given samples?"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from gnref import admissible
from gnref.diagnosis.breaking import Broken, Probe, breaking_modules, probe
from gnref.diagnosis.cost import Cost, cost
from gnref.diagnosis.numbers import Numbers, numbers
from gnref.diagnosis.segments import SegmentReport, segment
from gnref.diagnosis.subject import Subject, evaluating
from gnref.errors import UserError
from gnref.work import multiplications

_PROBED = 2
_STEEPEST = 8
_SEGMENTS = 3
_WALKED = 2**36
"""Multiplications that the walks may cost."""
Progress = Callable[[str, int, int], object]
"""Told what is being done, how far it is, and of how much."""


@dataclass(frozen=True)
class Diagnosis:
    """Everything found out about one discriminator.

    The premises are those of the mode it is used in; the numbers are of evaluation mode, where it is one function.
    """

    subject: Subject
    maps: tuple[tuple[int, ...], ...]
    """The shapes of heads that are dense maps rather than one score a sample."""
    heads: int
    used: Probe
    evaluated: Probe
    broken: tuple[Broken, ...]
    repeatable: bool
    coupling_by_structure: tuple[tuple[str, str], ...]
    in_use: tuple[Numbers, ...]
    steepest: Tensor
    """Of the samples, those with the largest ‖∇f̂‖ in use: int64 (8,) or fewer."""
    in_double: tuple[Numbers, ...]
    """The numbers of the steepest again, in float64, with ‖∇f̂‖ by automatic differentiation."""
    segments: tuple[SegmentReport, ...]
    cost: Cost
    seconds: dict[str, float]
    """Of wall time, by phase."""

    @property
    def one_score(self) -> bool:
        """One score a sample, or maps that the caller asked to reduce."""
        return not self.maps or self.subject.reduce == "mean"

    @property
    def uncoupled(self) -> bool:
        """Each score is a function of its own sample, by structure and by numbers."""
        return (
            not self.coupling_by_structure and not any(part.couples for part in self.broken) and self._quiet("coupled")
        )

    @property
    def piecewise_linear(self) -> bool:
        """The score is piecewise linear in x, with the derivative that PyTorch computes, and its pieces join."""
        blamed = any(part.curved or not part.couples for part in self.broken)
        return not blamed and self._quiet("curved", "untrue") and self.joins

    @property
    def joins(self) -> bool:
        """Whether the pieces certified along the segments meet where they end: 1e-9 of the score is no rounding."""
        walks = [report.walk for report in self.segments if report.walk is not None]
        return all(walk.residual() <= 1e-9 * max(1.0, float(abs(walk.f_start).max())) for walk in walks)

    @property
    def holds(self) -> bool:
        """Whether the premises of the theorem's almost-everywhere form hold."""
        return self.one_score and self.uncoupled and self.piecewise_linear

    def _quiet(self, *names: str) -> bool:
        return not set(names) & self.used.faults().keys()


def diagnose(
    discriminator: nn.Module,
    x: Tensor,
    labels: Tensor | None = None,
    *,
    reduce: Literal["mean"] | None = None,
    regions: int | None = None,
    progress: Progress = lambda what, done, total: None,
) -> Diagnosis:
    """Find out whether f̂ = f / (‖∇ₓf‖ + |f|) of this discriminator has the slope the theorem gives it.

    Args:
        discriminator: in the mode it is trained in; it is copied, never changed.
        x: samples (N, ...), N >= 2, of any rank and the discriminator's dtype.
        labels: int64 (N,), passed as the second argument of a conditional discriminator.
        reduce: as in `gradient_normalize`.
        regions: how many linear regions to certify along three segments between samples, together; by default 2000, or
            as many as cost 2^36 multiplications where that is less (then at least 48).
        progress: told what is being done.

    Raises:
        UserError: the discriminator cannot score x.

    >>> import torch
    >>> D = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
    >>> diagnose(D, torch.randn(8, 3)).holds
    True
    """
    return examine(
        Subject("the discriminator", discriminator, x, labels, reduce, f"{len(x)} samples"), regions, progress
    )


def examine(subject: Subject, regions: int | None, progress: Progress) -> Diagnosis:
    """`diagnose` of a subject."""
    if len(subject.x) < 2:
        raise UserError(f"diagnose: expected at least 2 samples, got {len(subject.x)}")
    with torch.random.fork_rng(devices=[]):
        return _examined(subject, regions, progress)


def _examined(subject: Subject, regions: int | None, progress: Progress) -> Diagnosis:
    began = [time.monotonic()]
    progress("1/4 premises", 0, 1)
    maps, heads = _shapes(subject)
    probed = _off_zero(subject.first(_PROBED).in_double())
    used = _probed(probed)
    broken = _broken(probed, used)
    structure = tuple(admissible.coupling_modules(subject.discriminator))
    found = used.faults() or broken or structure or (maps and subject.reduce != "mean")
    began.append(time.monotonic())
    progress(f"2/4 numbers (the premises {'do not hold' if found else 'hold so far'})", 0, 1)
    with evaluating(subject.discriminator):
        double = subject.in_double()
        evaluated = _probed(double.first(_PROBED))
        in_use = tuple(numbers(subject, head, not evaluated.faults()) for head in range(heads))
        slopes = torch.stack([head.slope for head in in_use]).amax(dim=0)
        steepest = slopes.topk(min(_STEEPEST, len(slopes))).indices
        in_double = tuple(numbers(double.at(steepest), head) for head in range(heads))
        work = _multiplications(double)
        budget = 0 if evaluated.faults() else _budget(work) if regions is None else regions
        began.append(time.monotonic())
        segments = _segments(double, subject if subject.x.dtype == torch.float32 else double, budget, progress)
    began.append(time.monotonic())
    progress("4/4 cost of a step", 0, 1)
    coupled = bool(structure) or "coupled" in used.faults()
    price = cost(subject, coupled, work)
    seconds = [after - before for before, after in pairwise([*began, time.monotonic()])]
    return Diagnosis(
        subject,
        maps,
        heads,
        used,
        evaluated,
        broken,
        _repeatable(subject.first(_PROBED).in_double()),
        structure,
        in_use,
        steepest,
        in_double,
        segments,
        price,
        dict(zip(("premises", "numbers", "segments", "cost"), seconds, strict=True)),
    )


def _shapes(subject: Subject) -> tuple[tuple[tuple[int, ...], ...], int]:
    with torch.no_grad(), evaluating(subject.discriminator):
        output = subject.discriminator(subject.x[:2], *subject.args(subject.x[:2]))
    heads = output if isinstance(output, tuple | list) else (output,)
    shapes = [tuple(head.shape) for head in heads]
    return tuple(shape for shape in shapes if shape not in ((2,), (2, 1))), len(heads)


def _off_zero(subject: Subject) -> Subject:
    """The same with parameters that are all zero, such as biases and gates at the start, moved: zero hides a branch."""
    generator = torch.Generator().manual_seed(0)
    twin = subject.in_double()
    with torch.no_grad():
        for parameter in twin.discriminator.parameters():
            if not parameter.any():
                parameter.copy_(
                    0.1 + 0.1 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64).abs()
                )
    return twin


def _probed(subject: Subject) -> Probe:
    return probe(subject.discriminator, lambda x: torch.stack(subject.heads(x), dim=1), [subject.x], len(subject.x))


def _broken(subject: Subject, whole: Probe) -> tuple[Broken, ...]:
    x = subject.x.detach().requires_grad_()
    return tuple(breaking_modules(subject.discriminator, lambda: subject.heads(x * 1), len(x), whole))


def _repeatable(subject: Subject) -> bool:
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        first, second = subject.heads(subject.x), subject.heads(subject.x)
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def _multiplications(subject: Subject) -> int:
    """Those of a forward pass of one sample."""
    with torch.enable_grad():
        return multiplications(subject.score(0)(subject.x[:1].detach().requires_grad_()))


def _budget(work: int) -> int:
    """Regions that the walks may cost: each takes about one pass, of tangents above its kink and adjoints below it."""
    return min(2000, max(48, _WALKED // max(work, 1)))


def _segments(subject: Subject, sketch: Subject, budget: int, progress: Progress) -> tuple[SegmentReport, ...]:
    pairs = [(i, i + 1) for i in range(0, min(2 * _SEGMENTS, len(subject.x) - 1), 2)]
    share, found = budget // len(pairs), []
    for done, (first, second) in enumerate(pairs):

        def tell(regions: int, done: int = done) -> None:
            progress("3/4 segments", done * share + regions, max(budget, 1))

        tell(0)
        found.append(segment(subject, sketch, first, second, share, tell))
    return tuple(found)
