"""A person's own code in a process of its own: what it raises, how it hangs or exits is told in one sentence.

Nothing here imports PyTorch: a name that names nothing is answered at once, and the parent can always be interrupted.
"""

from gnref.supervisor.faults import place, said, told
from gnref.supervisor.parent import Ending, run_apart
from gnref.supervisor.target import imported

__all__ = ["Ending", "imported", "place", "run_apart", "said", "told"]
