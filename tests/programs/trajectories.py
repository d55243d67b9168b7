"""Write the trajectories that guard the revision of trainer and scorer: `python tests/programs/trajectories.py`."""

import json
from pathlib import Path

from gnref.evidence.revision import GUARDED, REVISION, trajectory

FILE = Path(__file__).parent.parent / "trajectories.json"

if __name__ == "__main__":
    kept = {"revision": REVISION, "arms": {arm: trajectory(arm) for arm in GUARDED}}
    FILE.write_text(json.dumps(kept, indent=1) + "\n")
