"""The discriminator's step eager, compiled and as a CUDA graph, in float32, TF32 and bfloat16: on a GPU only."""

import torch

try:
    from gnref.measure import Setting, Steps, interleaved
except ImportError:
    Steps = None

PART = "discriminator gradient"


class Captured:
    """Milliseconds of D's gradient, 64 reals and 64 fakes, between two events."""

    params = [
        ["resnet-32", "biggan-32"],
        ["vanilla", "gn-double-backward", "gn"],
        ["float32", "tf32", "bf16"],
        ["eager", "compiled", "cuda-graph"],
    ]
    param_names = ["network", "method", "precision", "capture"]
    timeout = 1200
    unit = "ms"
    version = "1"

    def setup(self, network, method, precision, capture):
        if Steps is None or not torch.cuda.is_available():
            raise NotImplementedError

    def track_milliseconds(self, network, method, precision, capture):
        setting = Setting(network, method, 64, "cuda", precision, "fused channels-last", capture)
        times = interleaved({"body": Steps(setting).body(PART)}, rounds=21, device="cuda")["body"]
        return 1000 * sorted(times)[len(times) // 2]

    def track_peak_megabytes(self, network, method, precision, capture):
        body = Steps(Setting(network, method, 64, "cuda", precision, "fused channels-last", capture)).body(PART)
        torch.cuda.reset_peak_memory_stats()
        body()
        return torch.cuda.max_memory_allocated() / 1e6
