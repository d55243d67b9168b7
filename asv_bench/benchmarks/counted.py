"""Counted figures of every method's steps: no noise, the same on every machine.

On the meta device at the paper's width, 16 reals and 16 fakes, in one process for all. Commits before `gnref.measure`
give n/a.
"""

from benchmarks import METHODS

try:
    from gnref.measure import METHODS as KNOWN
    from gnref.measure import Setting, Steps, count
except ImportError:
    Steps = None


class Counted:
    """Products, launches and memory of D's gradient, and the products of a step of G."""

    params = [["resnet-32", "biggan-32"], METHODS]
    param_names = ["network", "method"]
    timeout = 600
    version = "2"

    def setup_cache(self):
        found = {}
        if Steps is None:
            return found
        for network in self.params[0]:
            for method in KNOWN:
                steps = Steps(Setting(network, method, device="meta"))
                bodies = steps.discriminator_gradient, steps.generator_step, steps.forward_pass
                found[network, method] = tuple(vars(count(body)) for body in bodies)
        return found

    def setup(self, found, network, method):
        if (network, method) not in found:
            raise NotImplementedError
        self.discriminator, self.generator, self.forward = found[network, method]

    def track_gflop(self, found, network, method):
        return self.discriminator["flops"] / 1e9

    def track_generator_gflop(self, found, network, method):
        return self.generator["flops"] / 1e9

    def track_passes(self, found, network, method):
        return self.discriminator["flops"] / self.forward["flops"]

    def track_launches(self, found, network, method):
        return self.discriminator["launches"]

    def track_peak_megabytes(self, found, network, method):
        return self.discriminator["peak_bytes"] / 1e6

    track_gflop.unit = track_generator_gflop.unit = "GFLOP"
    track_passes.unit = "forward passes of D"
    track_launches.unit = "ATen calls"
    track_peak_megabytes.unit = "MB"
