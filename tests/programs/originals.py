"""How far `Trainer.step` is from the original's formulas: `python tests/programs/originals.py` prints the table."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from subjects.original_step import CASES, differences, reduced

print("| experiment | steps | G | D | average of G |\n|---|---|---|---|---|")
for name, steps in CASES.items():
    found = differences(reduced(name), steps)
    print(f"| `{name}` | {steps} | " + " | ".join(f"{value:.0e}" for value in found.values()) + " |", flush=True)
