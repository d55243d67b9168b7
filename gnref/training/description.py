"""What `experiment.json` holds of a run: enough to run it again, and to know what made it."""

from pathlib import Path
from typing import Any

import torch

import gnref
from gnref.provenance import commit
from gnref.training.experiment import Experiment
from gnref.training.objectives import generator_spec


def description(e: Experiment, **facts: Any) -> dict[str, Any]:
    """The versions, the code's commit where it runs from a checkout, the experiment, its generator; and `facts`."""
    return {
        "gnref": gnref.__version__,
        "commit": commit(Path(gnref.__file__).parent),
        "torch": str(torch.__version__),
        "experiment": e.settings(),
        "sources": dict(e.sources),
        "generator": generator_spec(e),
        **facts,
    }
