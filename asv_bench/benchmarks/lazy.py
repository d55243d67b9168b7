"""R1 at every first, fourth or sixteenth step of D, as StyleGAN2 has it, beside 1-GP and GN: the mean step's cost."""

import torch

try:
    from gnref.measure import METHODS, Setting, Steps, count, interleaved
except ImportError:
    METHODS = ()

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
BATCH = 64 if DEVICE == "cuda" else 4
PART = "discriminator gradient"


class Lazy:
    """D's gradient of ResNet-32, as a mean over steps with the penalty and without it, to the unnormalized one."""

    params = [["1-gp", "r1", "r1 every 4", "r1 every 16", "gn"]]
    param_names = ["method"]
    timeout = 1800
    version = "1"

    def setup_cache(self):
        if "r1" not in METHODS:
            return {}
        torch.set_num_threads(1)
        names = ("vanilla", "1-gp", "r1", "gn")
        steps = {name: Steps(Setting("resnet-32", name, BATCH, DEVICE)) for name in names}
        times = interleaved({name: steps[name].body(PART) for name in names}, 11, DEVICE)
        flops = {name: count(Steps(Setting("resnet-32", name, device="meta")).discriminator_gradient) for name in names}
        return {name: (times[name], flops[name].flops, flops[name].peak_bytes) for name in names}

    def setup(self, found, method):
        if not found:
            raise NotImplementedError
        name, _, every = method.partition(" every ")
        self.share = 1 / int(every or 1)
        self.one, self.vanilla = found[name], found["vanilla"]

    def track_to_vanilla(self, found, method):
        ratios = sorted(a / b for a, b in zip(self.one[0], self.vanilla[0], strict=True))
        return 1 + self.share * (ratios[len(ratios) // 2] - 1)

    def track_gflop(self, found, method):
        return (self.vanilla[1] + self.share * (self.one[1] - self.vanilla[1])) / 1e9

    def track_peak_megabytes(self, found, method):
        """Of the step that has the penalty: that one has to fit."""
        return self.one[2] / 1e6

    track_to_vanilla.unit = "ratio"
    track_gflop.unit = "GFLOP"
    track_peak_megabytes.unit = "MB"
