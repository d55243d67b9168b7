"""What `gnref train` is asked for besides experiments."""

from dataclasses import dataclass, field
from pathlib import Path

from gnref.training.cadence import Cadence
from gnref.training.execution import Execution


@dataclass(frozen=True)
class TrainArguments:
    """Where from, where to, how often and how; the defaults are the command's."""

    data: Path | None = None
    """The folder the data set is in."""
    folder: Path | None = None
    """The run folder; by default runs/EXPERIMENT-seedSEED. A folder that holds a run goes on with it."""
    seeds: tuple[int, ...] = (0,)
    """One run for each."""
    steps: int | None = None
    """Updates of G, instead of the experiment's."""
    settings: tuple[str, ...] = ()
    """Other settings, for instance loss=wasserstein n_dis=1; --list NAME prints them."""
    shard: str = "1/1"
    """i/n trains every n-th run from the i-th of all experiments and seeds: one task of a cluster's job array."""
    device: str | None = None
    """cpu or cuda; by default a GPU where there is one."""
    score: str | None = None
    """Score by this protocol while training, against the images in --data (gnref evaluate)."""
    features: str | None = None
    """The features to score in."""
    tensorboard: bool = True
    """Write curves and sample grids for TensorBoard."""
    admit_changes: bool = False
    """Go on with a run although its data, PyTorch, gnref or device are not those it began with; its experiment.json
    keeps what they were."""
    cadence: Cadence = field(default_factory=Cadence)
    execution: Execution = field(default_factory=Execution)
