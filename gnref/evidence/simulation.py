"""How often the rules of `equivalence.py` and `orderings.py` are right and wrong, on simulated sessions of known truth.

A printed FID of 11.00 is the mean of three sessions of a normal distribution (relative deviation 2.6 %, or 4.6 %, the
largest printed one); ours are k sessions of another, whose mean is off by a known share. A printed table of six cells
shows how often a whole table of true cells passes, and how often Holm's correction wrongly fails one. An ordering's two
rows are k sessions each, whose means lie so many deviations apart.
"""

import numpy as np

from gnref.evidence.comparison import few_wins
from gnref.evidence.equivalence import judge_cells
from gnref.evidence.orderings import judge_ordering
from gnref.evidence.verdict import Verdict

PRINTED = 11.0
SHIFTS = (0.0, 0.05, 0.10, 0.15, 0.25)
SESSIONS = (1, 3, 5)
LEADS = (0.0, 1.0, 2.0, 4.0)
SEEDS = (3, 5, 10)
WORDS = (Verdict.REPRODUCED, Verdict.INCONCLUSIVE, Verdict.NOT_REPRODUCED)


def shares(shift: float, k: int, deviation: float, trials: int, cells: int = 1, sessions: int = 3) -> list[float]:
    """The share of tables that come out as each word (a table is as bad as its worst cell)."""
    draw = np.random.default_rng(0)
    counts = dict.fromkeys(WORDS, 0)
    for _ in range(trials):
        table = []
        for _ in range(cells):
            printed = draw.normal(PRINTED, deviation * PRINTED, sessions).mean()
            ours = draw.normal(PRINTED * (1 + shift), deviation * PRINTED, k)
            table.append(("fid", float(printed), [float(x) for x in ours]))
        found = [finding.verdict for finding in judge_cells(table)]
        counts[next(word for word in reversed(WORDS) if word in found)] += 1
    return [counts[word] / trials for word in WORDS]


def ordering_shares(lead: float, k: int, trials: int) -> list[float]:
    """The share of each word when the second row's mean is `lead` deviations above the first's."""
    draw = np.random.default_rng(0)
    found = [
        judge_ordering([("a", draw.normal(0, 1, k).tolist()), ("b", draw.normal(lead, 1, k).tolist())]).verdict
        for _ in range(trials)
    ]
    return [found.count(word) / trials for word in WORDS]


def comparison_power(lead: float, runs: int, hypotheses: int, trials: int, alpha: float = 0.05) -> float:
    """The chance that the study's rule decides for the better of two groups whose means lie `lead` deviations apart.

    `runs` a side, at level α / `hypotheses`: Holm's correction is at least as powerful.
    """
    draw = np.random.default_rng(0)
    bound = few_wins(runs, runs, alpha / hypotheses / 2)
    wins = [(draw.normal(0, 1, runs)[:, None] > draw.normal(lead, 1, runs)[None, :]).sum() for _ in range(trials)]
    return float(np.mean(np.array(wins) < bound))
