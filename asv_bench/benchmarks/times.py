"""Time of every method's steps, on a GPU where there is one."""

import time
from functools import lru_cache

import torch

from benchmarks import METHODS

try:
    from gnref.measure import METHODS as KNOWN
    from gnref.measure import Setting, Steps
except ImportError:
    Steps = None

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
BATCH = 64 if DEVICE == "cuda" else 8


@lru_cache(maxsize=2)
def _steps(network, method):
    return Steps(Setting(network, method, BATCH, DEVICE))


def _run(body):
    """On a GPU the kernels' time, not the host's alone."""
    body()
    if DEVICE == "cuda":
        torch.cuda.synchronize()


class Time:
    """One step, or one iteration of five steps of D and one of G."""

    params = [["resnet-32", "biggan-32", "cnn-32"], METHODS, ["discriminator step", "generator step", "iteration"]]
    param_names = ["network", "method", "part"]
    timeout = 1200
    timer = time.perf_counter if DEVICE == "cuda" else time.process_time
    number = 1
    repeat = 7
    rounds = 2
    warmup_time = 2 if DEVICE == "cuda" else 0
    version = "3"

    def setup(self, network, method, part):
        if Steps is None or method not in KNOWN:
            raise NotImplementedError
        torch.set_num_threads(1)
        if part == "iteration" and DEVICE == "cpu" and network != "cnn-32":
            raise NotImplementedError  # half a minute each; the parts say the same
        self.body = _steps(network, method).body(part)
        if DEVICE == "cuda":
            _run(self.body)

    def time_step(self, network, method, part):
        _run(self.body)
