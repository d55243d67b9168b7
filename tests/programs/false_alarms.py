"""The exact laws under random seeds, to bound the rate of false alarms: `python tests/programs/false_alarms.py 20 50`.

No alarm in n runs bounds the rate of runs with one by 3/n at 95 % (1 - 0.05^(1/n), to be exact).
"""

import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import just

from gnref import gradient_normalize, strategies
from gnref.laws import FUNCTION_LAWS, LAWS, FunctionLaw, Law

DTYPES = (torch.float32, torch.float64)


def judges() -> dict[Any, list[Law | FunctionLaw]]:
    """The laws by the strategy of their cases."""
    found: dict[str, list[Law | FunctionLaw]] = {}
    for law in (*LAWS, *FUNCTION_LAWS):
        if law.drawn and not law.refuted:
            found.setdefault(law.drawn, []).append(law)
    return {getattr(strategies, name)(): laws for name, laws in found.items()}


def run(number: int, count: int) -> list[str]:
    """One run: `count` random cases of every kind, every law of that kind on each. The alarms."""
    alarms: list[str] = []
    for strategy, laws in judges().items():

        @seed(number)
        @settings(
            max_examples=count,
            derandomize=False,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=strategy, laws=just(laws))
        def judge(case: Any, laws: list[Law | FunctionLaw]) -> None:
            alarms.extend(alarm for law in laws for alarm in _alarms(law, case))

        judge()
    return alarms


def _alarms(law: Law | FunctionLaw, case: Any) -> Iterator[str]:
    if isinstance(law, FunctionLaw):
        yield from _broken(law.id, lambda: law(case))
        return
    for method in ("double-backward", "replay"):
        normalize = partial(gradient_normalize, zeta=law.zeta, method=method)
        for found in [case.to(dtype) for dtype in DTYPES] if hasattr(case, "to") else [case]:
            yield from _broken(f"{law.id} ({method})", partial(law, normalize, found))


def _broken(name: str, judge: Callable[[], float]) -> Iterator[str]:
    try:
        judge()
    except AssertionError as broken:
        yield f"{name}: {broken}"


def main(runs: int = 20, count: int = 50) -> None:
    """Print each run's alarms, and the bound."""
    start, with_alarm = time.monotonic(), 0
    for number in range(runs):
        alarms = run(number, count)
        with_alarm += bool(alarms)
        print(f"seed {number}: {len(alarms)} alarms", *alarms[:3], sep="\n", flush=True)
    laws = sum(map(len, judges().values()))
    seconds = time.monotonic() - start
    print(f"{runs} runs of {laws} laws, {count} cases each: {with_alarm} runs with an alarm, {seconds:.0f} s")
    if not with_alarm:
        print(f"so at 95 % fewer than {1 - 0.05 ** (1 / runs):.0%} of runs have one")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*map(int, sys.argv[1:]))
