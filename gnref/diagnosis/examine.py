"""Does the theorem apply to a discriminator, and what does gradient normalization do to it on given samples?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from gnref import admissible
from gnref.diagnosis.breaking import Broken, Probe, breaking_modules, probe
from gnref.diagnosis.cost import Cost, cost
from gnref.diagnosis.numbers import Numbers, numbers
from gnref.diagnosis.segments import SegmentReport, segment
from gnref.diagnosis.subject import Subject, evaluating
from gnref.errors import UserError

_PROBED = 2
_IN_DOUBLE = 16
_SEGMENTS = 3
_WALK_FLOP = 1.2e11
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
    in_double: tuple[Numbers, ...]
    segments: tuple[SegmentReport, ...]
    cost: Cost

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
            as many as cost 0.12 TFLOP where that is less (then at least 48).
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
    progress("premises", 0, 1)
    maps, heads = _shapes(subject)
    probed = subject.first(_PROBED).in_double()
    used, broken = _probed(_off_zero(probed)), _broken(_off_zero(probed))
    structure = tuple(admissible.coupling_modules(subject.discriminator))
    found = used.faults() or broken or structure or (maps and subject.reduce != "mean")
    progress("premises do not hold; numbers" if found else "premises hold; numbers", 0, 1)
    with evaluating(subject.discriminator):
        in_use = tuple(numbers(subject, head) for head in range(heads))
        double = subject.in_double()
    evaluated = _probed(double.first(_PROBED))
    in_double = tuple(numbers(double.first(_IN_DOUBLE), head) for head in range(heads))
    budget = 0 if evaluated.faults() else _budget(double) if regions is None else regions
    return Diagnosis(
        subject,
        maps,
        heads,
        used,
        evaluated,
        broken,
        _repeatable(probed),
        structure,
        in_use,
        in_double,
        _segments(double, budget, progress),
        _cost(subject, not structure and "coupled" not in used.faults(), progress),
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


def _broken(subject: Subject) -> tuple[Broken, ...]:
    x = subject.x.detach().requires_grad_()
    return tuple(breaking_modules(subject.discriminator, lambda: subject.heads(x * 1), len(x)))


def _repeatable(subject: Subject) -> bool:
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        first, second = subject.heads(subject.x), subject.heads(subject.x)
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def _budget(subject: Subject) -> int:
    """Regions that the walks may cost: each takes about one pass, of tangents above its kink and adjoints below it."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        subject.score(0)(subject.x[:1])
    return int(min(2000, max(48, _WALK_FLOP / max(counter.get_total_flops(), 1))))


def _segments(subject: Subject, budget: int, progress: Progress) -> tuple[SegmentReport, ...]:
    pairs = [(i, i + 1) for i in range(0, min(2 * _SEGMENTS, len(subject.x) - 1), 2)]
    found = []
    for done, (first, second) in enumerate(pairs):
        share = budget // len(pairs)

        def tell(regions: int, done: int = done, share: int = share) -> None:
            progress("segments", done * share + regions, budget)

        progress("segments", done * share, max(budget, 1))
        found.append(segment(subject, first, second, share, tell))
    return tuple(found)


def _cost(subject: Subject, uncoupled: bool, progress: Progress) -> Cost:
    progress("cost of a step", 0, 1)
    return cost(subject, coupled=not uncoupled)
