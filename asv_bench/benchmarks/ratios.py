"""Ratios of every method's gradients to the unnormalized network's, on a GPU where there is one."""

import torch

try:
    from gnref.measure import Setting, Steps, interleaved, ratio
except ImportError:
    Steps = None

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
METHODS = ["vanilla", "sn", "1-gp", "0-gp", "gn-double-backward", "gn", "gn1", "gn0", "gn-cr"]
BATCH = {"resnet-32": 64, "biggan-32": 64} if DEVICE == "cuda" else {"resnet-32": 4, "biggan-32": 2}


class Ratio:
    """A method's step by the unnormalized one's, all interleaved in one process: what a busy machine disturbs least."""

    params = [
        ["resnet-32", "biggan-32"],
        ["discriminator gradient", "score gradient"],
        [method for method in METHODS if method != "vanilla"],
    ]
    param_names = ["network", "part", "method"]
    timeout = 1800
    unit = "ratio"
    version = "3"

    def setup_cache(self):
        if Steps is None:
            return {}
        torch.set_num_threads(1)
        found = {}
        for network in self.params[0]:
            steps = {name: Steps(Setting(network, name, BATCH[network], DEVICE)) for name in METHODS}
            for part in self.params[1]:
                bodies = {name: each.body(part) for name, each in steps.items()}
                times = interleaved(bodies, rounds=21, device=DEVICE)
                for name in self.params[2]:
                    found[network, part, name] = ratio(times[name], times["vanilla"])
        return found

    def setup(self, found, network, part, method):
        if not found:
            raise NotImplementedError

    def track_to_vanilla(self, found, network, part, method):
        return found[network, part, method]
