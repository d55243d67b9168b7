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


def sessions_decide(trials: int = 400) -> str:
    """How often how many sessions of a printed row decide, where its truth is as printed and where it is 25 % off."""
    rows = [(k, shares(0.0, k, 0.026, trials)[0], shares(0.25, k, 0.026, trials)[2]) for k in SESSIONS]
    return "Simulated, by sessions of a row: " + "; ".join(
        f"{k}: a true FID is {WORDS[0]} in {true:.0%}, one 25 % off {WORDS[2]} in {off:.0%}" for k, true, off in rows
    )


def seeds_decide(trials: int = 200) -> str:
    """How often how many seeds a row decide an ordering."""
    rows = [(k, *(ordering_shares(lead, k, trials)[0] for lead in LEADS[1:])) for k in SEEDS]
    return "Simulated, by seeds of a row: " + "; ".join(
        f"{k}: a lead of 1, 2, 4 deviations is {WORDS[0]} in {one:.0%}, {two:.0%}, {four:.0%}"
        for k, one, two, four in rows
    )


def runs_decide(trials: int = 1000) -> str:
    """How often so many runs a side decide a hypothesis of the study."""
    cases = ((32, 14), (16, 10), (8, 8))
    rows = [(n, m, *(comparison_power(lead, n, m, trials) for lead in (1.0, 1.5, 2.0))) for n, m in cases]
    return "Simulated, by runs a side and hypotheses in the table: " + "; ".join(
        f"{n}, {m}: means 1, 1.5, 2 deviations apart are told in {a:.0%}, {b:.0%}, {c:.0%}" for n, m, a, b, c in rows
    )
