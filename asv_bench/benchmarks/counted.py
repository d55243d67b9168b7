"""Counted figures of every method's steps: no noise, the same on every machine, seconds to run.

On the meta device at the paper's width, 16 reals and 16 fakes. Commits before `gnref.measure` give n/a.
"""

from functools import cache

try:
    from gnref.measure import METHODS, Setting, Steps, count
except ImportError:
    METHODS = {}

NETWORKS = ["resnet-32", "biggan-32", "cnn-32", "resnet-48", "resnet-128"]
PARTS = ["discriminator step", "generator step"]


@cache
def _count(network, method, part):
    steps = Steps(Setting(network, method, device="meta"))
    return count(getattr(steps, part.replace(" ", "_"))), count(steps.forward_pass).flops


class Counted:
    """Products, launches and memory of one step."""

    params = [NETWORKS, list(METHODS), PARTS]
    param_names = ["network", "method", "part"]
    timeout = 120

    def setup(self, network, method, part):
        if not METHODS:
            raise NotImplementedError

    def track_gflop(self, network, method, part):
        return _count(network, method, part)[0].flops / 1e9

    def track_passes(self, network, method, part):
        counted, forward = _count(network, method, part)
        return counted.flops / forward

    def track_launches(self, network, method, part):
        return _count(network, method, part)[0].launches

    def track_peak_megabytes(self, network, method, part):
        return _count(network, method, part)[0].peak_bytes / 1e6

    track_gflop.unit = "GFLOP"
    track_passes.unit = "forward passes of D"
    track_launches.unit = "ATen calls"
    track_peak_megabytes.unit = "MB"
    for _track in (track_gflop, track_passes, track_launches, track_peak_megabytes):
        _track.version = "1"
