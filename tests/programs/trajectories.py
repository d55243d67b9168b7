"""Write the trajectories that guard the revision of trainer and scorer: `python tests/programs/trajectories.py`."""

import json
from pathlib import Path

from gnref.evidence.revision import (
    GUARDED,
    GUARDED_IMAGES,
    REVISION,
    scores_of_known_images,
    trajectory,
    trajectory_of_images,
)

FILE = Path(__file__).parent.parent / "trajectories.json"

if __name__ == "__main__":
    kept = {
        "revision": REVISION,
        "arms": {arm: trajectory(arm) for arm in GUARDED},
        "images": {arm: trajectory_of_images(arm) for arm in GUARDED_IMAGES},
        "scores": scores_of_known_images(),
    }
    FILE.write_text(json.dumps(kept, indent=1) + "\n")
