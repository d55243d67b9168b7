"""The largest that a fresh process has resident in D's gradient of ResNet-32, 24 reals and 24 fakes, on a CPU."""

try:
    from gnref.measure import Setting
    from gnref.measure.resident import resident
except ImportError:
    resident = None


class Resident:
    """VmHWM, PyTorch included; what networks and inputs take before the first step stands beside it."""

    params = [["plain", "fused channels-last"], ["vanilla", "gn", "gn-double-backward"]]
    param_names = ["layout", "method"]
    timeout = 600
    unit = "MB"
    version = "1"

    def setup(self, layout, method):
        if resident is None:
            raise NotImplementedError

    def track_peak(self, layout, method):
        return resident(Setting("resnet-32", method, 24, layout=layout)).peak / 1e6

    def track_above_the_start(self, layout, method):
        found = resident(Setting("resnet-32", method, 24, layout=layout))
        return (found.peak - found.before) / 1e6
