"""The study's findings as Markdown: verdicts, arms with their costs, and medians over the learning rates."""

from collections.abc import Sequence
from math import exp, log
from statistics import median, quantiles

import numpy as np

from gnref.evidence import arms, cost
from gnref.evidence.lines import Line
from gnref.evidence.options import Options
from gnref.evidence.registered import Regime, Registered
from gnref.evidence.study import NAMES, RegisteredStudy, records, values


def page(options: Options) -> str:
    """Every regime's verdicts and arms, then the medians side by side."""
    regimes = Registered.of(options).regimes()
    lines = RegisteredStudy().lines(options)
    parts = []
    for regime in regimes:
        mine = [line for line in lines if line.id.startswith(f"study.{regime.name}.")]
        parts += [f"### {regime.title}", _runs(regime), _arms(regime, options), _verdicts(mine)]
        parts += [_at_equal_cost(regime, options)] if cost.ratios(regime, options) else []
    return "\n\n".join([*parts, "### Medians over the regimes", _medians(regimes, options)])


def _runs(regime: Regime) -> str:
    return f"{regime.replicas * len(regime.seeds)} independent runs an arm, {regime.scored_at[-1]} steps."


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _arms(regime: Regime, options: Options) -> str:
    """Median and quartiles of what decides along the way, the other instruments at the end, and the cost."""
    ratios, kind = cost.ratios(regime, options), arms.kind(regime)
    first, last = kind.instruments[0], regime.scored_at[-1]
    steps = [f"{kind.heading} at step {step}" for step in regime.scored_at[:-1]]
    head = ["arm", *steps, f"{kind.heading} at step {last} [quartiles]", *kind.beside.values()]
    rows = []
    for arm in regime.arms:
        found = records(regime, arm, options)
        if not found:
            continue
        early = [_middle(values(found, first, step)) for step in regime.scored_at[:-1]]
        low, middle, high = _quartiles(values(found, first, last))
        ends = [_middle(values(found, name, last)) for name in kind.beside]
        costs = [f"{ratio:.2f}" for ratio in ratios[arm]] if arm in ratios else [""] * 2 if ratios else []
        rows.append((middle, [NAMES.get(arm, arm), *early, f"**{middle:.2f}** [{low:.2f}, {high:.2f}]", *ends, *costs]))
    head += ["multiplications a step", "CPU seconds a step"] if ratios else []
    body = [_row(cells) for _, cells in sorted(rows, key=lambda row: row[0])]
    return "\n".join([_row(head), "|" + "---|" * len(head), *body]) if rows else "Not run."


def _at_equal_cost(regime: Regime, options: Options) -> str:
    """Medians where an arm has cost as much as the unnormalized one at the end, interpolated between scored steps."""
    ratios, kind = cost.ratios(regime, options), arms.kind(regime)
    rows = []
    for arm in regime.arms:
        found = records(regime, arm, options)
        if not found or arm not in ratios:
            continue
        reached = [median(values(found, kind.instruments[0], step)) for step in regime.scored_at]
        steps = [regime.scored_at[-1] / ratio for ratio in ratios[arm]]
        at = [exp(float(np.interp(log(step), np.log(regime.scored_at), np.log(reached)))) for step in steps]
        rows.append((at[0], [NAMES.get(arm, arm), *(f"{value:.2f}" for value in at)]))
    head = ["arm", f"{kind.heading} at equal multiplications", f"{kind.heading} at equal CPU seconds"]
    body = [_row(cells) for _, cells in sorted(rows, key=lambda row: row[0])]
    budget = f"{regime.scored_at[-1]} steps of the unnormalized arm"
    said = f"For the budget of {budget}, interpolated between the scored steps (in logarithms):"
    return "\n".join([said, "", _row(head), "|---|---|---|", *body])


def _verdicts(lines: list[Line]) -> str:
    head = [_row(["hypothesis", f"median {lines[0].printed}", "verdict", "why"]), "|---|---|---|---|"]
    return "\n".join([*head, *(_row([x.label, x.ours, f"**{x.finding.verdict}**", x.finding.reason]) for x in lines)])


def _medians(regimes: list[Regime], options: Options) -> str:
    every = list(dict.fromkeys(arm for regime in regimes for arm in regime.arms))
    head = ["arm", *(regime.title for regime in regimes)]
    rows = [[NAMES.get(arm, arm), *(_last(regime, arm, options) for regime in regimes)] for arm in every]
    return "\n".join([_row(head), "|" + "---|" * len(head), *map(_row, rows)])


def _last(regime: Regime, arm: str, options: Options) -> str:
    if arm not in regime.arms:
        return ""
    return _middle(values(records(regime, arm, options), arms.kind(regime).instruments[0], regime.scored_at[-1]))


def _quartiles(scores: list[float]) -> tuple[float, float, float]:
    low, middle, high = quantiles(scores * 2 if len(scores) == 1 else scores, n=4, method="inclusive")
    return low, middle, high


def _middle(scores: list[float]) -> str:
    return f"{_quartiles(scores)[1]:.2f}" if scores else "not run"
