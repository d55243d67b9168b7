"""How often the rules of a verdict are right and wrong, on simulated sessions of known truth, as tables in Markdown.

python reproductions/simulate.py
"""

import argparse

import installed  # noqa: F401 - one sentence where gnref is missing

from gnref.evidence.simulation import LEADS, SEEDS, SESSIONS, SHIFTS, comparison_power, ordering_shares, shares


def main() -> None:
    """Print the error rates as tables in Markdown."""
    parser = argparse.ArgumentParser(description="Error rates of the rule of a verdict, by simulation.")
    parser.add_argument("--trials", type=int, default=4000)
    trials = parser.parse_args().trials
    print("| truth | deviation | cells | our sessions | REPRODUCED | INCONCLUSIVE | NOT REPRODUCED |")
    print("|---|---|---|---|---|---|---|")
    scenes = [(shift, 0.026, 1, k) for shift in SHIFTS for k in SESSIONS]
    scenes += [(0.0, 0.046, 1, k) for k in SESSIONS] + [(0.0, 0.026, 6, k) for k in SESSIONS]
    for shift, deviation, cells, k in scenes:
        found = " | ".join(f"{share:.3f}" for share in shares(shift, k, deviation, trials, cells))
        print(f"| {shift:+.0%} | {deviation:.1%} | {cells} | {k} | {found} |")
    print("\n| lead, in deviations | seeds a row | REPRODUCED | INCONCLUSIVE | NOT REPRODUCED |\n|---|---|---|---|---|")
    for lead in LEADS:
        for k in SEEDS:
            found = " | ".join(f"{share:.3f}" for share in ordering_shares(lead, k, trials // 4))
            print(f"| {lead:.0f} | {k} | {found} |")
    print("\n| lead, in deviations | runs a side | hypotheses in the table | decided |\n|---|---|---|---|")
    for lead in (0.0, 0.5, 0.8, 1.0, 1.5, 2.0, 3.0):
        for runs, hypotheses in ((32, 14), (16, 10), (8, 8)):
            print(f"| {lead} | {runs} | {hypotheses} | {comparison_power(lead, runs, hypotheses, trials):.2f} |")


if __name__ == "__main__":
    main()
