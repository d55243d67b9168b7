"""Rows of figures: each setting counted, timed beside the others, and set against the unnormalized step."""

import statistics
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from typing import Any

from gnref.measure.counting import count
from gnref.measure.steps import Part, Setting, Steps
from gnref.measure.timing import interleaved, ratio


@dataclass(frozen=True)
class Figure:
    """One part of one setting. Times are medians; ratios medians over rounds of times in the same round."""

    setting: Setting
    part: Part
    milliseconds: float | None
    to_vanilla: float | None
    """To the unnormalized step in the same layout; None where that was not measured."""
    to_plain: float | None
    """To the unnormalized step in the plain layout."""
    seconds: tuple[float, ...]
    """Every round."""
    gflop: float
    passes: float
    """flop by the flop of one forward pass of D in the plain layout on as many images as a step of D has."""
    launches: int
    peak_bytes: int

    def as_json(self) -> dict[str, Any]:
        """The figure as JSON holds it."""
        return asdict(self)


def measured(settings: Sequence[Setting], parts: Sequence[Part], rounds: int = 7) -> list[Figure]:
    """Every part of every setting, all settings of one part timed interleaved; `rounds=0` counts only.

    Counts are of the eager part, whatever captures the timed one: inside a graph there is nothing to count.
    Settings are of one network, batch and device, so that the ratios mean something.
    """
    steps = {setting: Steps(setting) for setting in settings}
    eager = {s: steps[s] if s.capture == "eager" else Steps(replace(s, capture="eager")) for s in settings}
    unit = count(Steps(replace(settings[0], method="vanilla", layout="plain", capture="eager")).forward_pass).flops
    figures = []
    for part in parts:
        counts = {s: count(getattr(eager[s], part.replace(" ", "_"))) for s in settings}
        names = {s: str(i) for i, s in enumerate(settings)}
        bodies = {names[s]: steps[s].body(part) for s in settings} if rounds else {}
        times = interleaved(bodies, rounds, settings[0].device)
        for s in settings:
            mine = times.get(names[s], [])
            vanilla = times.get(names.get(replace(s, method="vanilla"), ""))
            plain = times.get(names.get(replace(s, method="vanilla", layout="plain"), ""))
            figures.append(
                Figure(
                    s,
                    part,
                    1000 * statistics.median(mine) if mine else None,
                    ratio(mine, vanilla) if vanilla else None,
                    ratio(mine, plain) if plain else None,
                    tuple(mine),
                    counts[s].flops / 1e9,
                    counts[s].flops / unit,
                    counts[s].launches,
                    counts[s].peak_bytes,
                )
            )
    return figures


def table1(
    methods: Sequence[str] = ("vanilla", "sn", "1-gp", "gn", "gn-double-backward"),
    setting: Setting | None = None,
    rounds: int = 7,
) -> dict[str, dict[str, float]]:
    """The speed column of [GN, Table 1] as ratios of time to vanilla: a step of D, and a step of D and one of G.

    The generator's column of the paper is read as one step of each. Seconds stand beside the ratios.
    """
    base = setting or Setting()
    settings = [replace(base, method=method) for method in methods]
    figures = measured(settings, ("discriminator step", "generator step"), rounds)
    found = {(figure.setting.method, figure.part): figure.seconds for figure in figures}
    vanilla = found["vanilla", "discriminator step"], found["vanilla", "generator step"]
    table = {}
    for method in methods:
        d, g = found[method, "discriminator step"], found[method, "generator step"]
        both = [a + b for a, b in zip(d, g, strict=True)]
        table[method] = {
            "discriminator": ratio(d, vanilla[0]),
            "discriminator and generator": ratio(both, [a + b for a, b in zip(*vanilla, strict=True)]),
            "discriminator seconds": statistics.median(d),
            "generator seconds": statistics.median(g),
        }
    return table


def pays_from(setting: Setting, rounds: int = 7) -> dict[str, float | None]:
    """From how many of D's gradients on a setting's capture has paid, beside the eager ones, and why.

    In seconds: the first call, which captures, in wall time, since other processes compile too; an eager gradient and a
    later one, as `interleaved` measures them. "pays from" is None where nothing is spared.
    """
    part: Part = "discriminator gradient"
    eager, fast = (Steps(each).body(part) for each in (replace(setting, capture="eager"), setting))
    began = time.monotonic()
    with _nothing_compiled_before(setting):
        fast()
    first = time.monotonic() - began
    times = interleaved({"eager": eager, "later": fast}, rounds, setting.device)
    before, after = (statistics.median(seconds) for seconds in times.values())
    spared = before - after
    return {"first": first, "eager": before, "later": after, "pays from": first / spared if spared > 0 else None}


def _nothing_compiled_before(setting: Setting) -> AbstractContextManager[Any]:
    """What an earlier process has compiled is not found again: a person's first time is measured."""
    if setting.capture != "compiled":
        return nullcontext()
    from torch._inductor import config

    found: AbstractContextManager[Any] = config.patch(force_disable_caches=True)
    return found
