"""What gradient normalization costs this discriminator: which method runs, and the time of a discriminator step."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from gnref.call import Parts
from gnref.diagnosis.subject import Subject, copied
from gnref.losses import hinge
from gnref.normalization import normalization_parts

_ROUNDS = 3
_FEW, _MANY, _WORK = 4, 16, 2**30
"""A step of 16 samples is measured, or of as many as take 2^30 multiplications in a forward pass, at least 4."""


@dataclass(frozen=True)
class Cost:
    """The method, why it is not replay if it is not, and a step's process time in seconds with and without."""

    method: str
    reason: str
    normalized: float
    plain: float
    batch: int

    @property
    def ratio(self) -> float:
        """Normalized over plain: the same network, batch, layout, precision and threads on both sides."""
        return self.normalized / self.plain


def cost(subject: Subject, coupled: bool, work: int) -> Cost:
    """Measure in the mode and dtype of use: medians of 3 interleaved steps; half of the batch is real, half fake.

    `work`: how many multiplications a forward pass of one sample takes.
    """
    batch = min(_MANY, max(_FEW, _WORK // max(work, 1)))
    twin = copied(subject.discriminator, lambda: subject.heads(subject.x[:2]))
    subject = replace(subject.first(batch), discriminator=twin)
    for parameter in twin.parameters():
        parameter.requires_grad_(True)

    def parts(method: Literal["auto", "replay"] = "auto") -> list[Parts]:
        found = normalization_parts(
            twin, subject.x, *subject.args(subject.x), method=method, reduce="mean", coupled=coupled
        )
        return [found] if isinstance(found, Parts) else list(found)

    def step(scores: list[Tensor]) -> None:
        loss = torch.stack([hinge.discriminator(*head.chunk(2)) for head in scores]).sum()
        torch.autograd.grad(loss, list(twin.parameters()), allow_unused=True)

    def normalized() -> None:
        step([head.normalized for head in parts()])

    def plain() -> None:
        step(subject.heads(subject.x))

    method = parts()[0].method
    reason = ""
    if method == "double-backward":
        try:
            parts("replay")
        except ValueError as error:
            reason = str(error).partition("but ")[2].partition("; use")[0] or str(error)
        else:
            reason = "it computes too little for the replay to pay"
    seconds: dict[Callable[[], None], list[float]] = {normalized: [], plain: []}
    for run in (normalized, plain):
        run()
    for _ in range(_ROUNDS):
        for run, times in seconds.items():
            start = time.process_time()
            run()
            times.append(time.process_time() - start)
    with_it, without = (statistics.median(times) for times in seconds.values())
    return Cost(method, reason, with_it, without, len(subject.x))
