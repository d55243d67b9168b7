"""Ratios of every method's gradients to the unnormalized network's, on a GPU where there is one."""

import torch

from benchmarks import METHODS

try:
    from gnref.measure import METHODS as KNOWN
    from gnref.measure import Setting, Steps, interleaved, ratio
except ImportError:
    Steps = None

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
BATCH = {"resnet-32": 64, "biggan-32": 64} if DEVICE == "cuda" else {"resnet-32": 4, "biggan-32": 2}


PARTS = {
    "discriminator gradient": METHODS,
    # D is frozen: without gradient normalization every method's is the unnormalized one.
    "score gradient": ["vanilla", "gn-double-backward", "gn", "gn1", "gn0"],
}


class Ratio:
    """A method's gradient by the unnormalized one, interleaved in one process: what a busy machine disturbs least."""

    params = [list(BATCH), list(PARTS), METHODS[1:]]
    param_names = ["network", "part", "method"]
    timeout = 1800
    unit = "ratio"
    version = "5"

    def setup_cache(self):
        if Steps is None:
            return {}
        torch.set_num_threads(1)
        found = {}
        for network, batch in BATCH.items():
            steps = {name: Steps(Setting(network, name, batch, DEVICE)) for name in KNOWN}
            for part, methods in PARTS.items():
                bodies = {name: steps[name].body(part) for name in methods if name in steps}
                times = interleaved(bodies, rounds=11, device=DEVICE)
                found |= {(network, part, name): ratio(times[name], times["vanilla"]) for name in bodies}
        return found

    def setup(self, found, network, part, method):
        if (network, part, method) not in found:
            raise NotImplementedError

    def track_to_vanilla(self, found, network, part, method):
        return found[network, part, method]
