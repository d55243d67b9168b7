"""The discriminator's gradient eager, compiled and as a CUDA graph, in float32, TF32 and bfloat16.

On a CPU ResNet-32 in float32 alone, eager and compiled: there is no other precision nor graph, and compiling takes a
minute for each.
"""

import torch

try:
    from gnref.measure import Setting, Steps, interleaved
except ImportError:
    Steps = None

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
BATCH = 64 if DEVICE == "cuda" else 4
PART = "discriminator gradient"


def _body(network, method, precision, capture):
    return Steps(Setting(network, method, BATCH, DEVICE, precision, "fused channels-last", capture)).body(PART)


class Captured:
    """On a GPU 64 reals and 64 fakes, the time between two events; on a CPU 4 and 4, in process time."""

    params = [
        ["resnet-32", "biggan-32"],
        ["vanilla", "gn-double-backward", "gn"],
        ["float32", "tf32", "bf16"],
        ["eager", "compiled", "cuda-graph"],
    ]
    param_names = ["network", "method", "precision", "capture"]
    timeout = 1200
    unit = "ms"
    version = "2"

    def setup(self, network, method, precision, capture):
        on_cpu = network == "resnet-32" and precision == "float32" and capture != "cuda-graph"
        if Steps is None or (DEVICE == "cpu" and not on_cpu):
            raise NotImplementedError
        torch.set_num_threads(1)

    def track_milliseconds(self, network, method, precision, capture):
        body = _body(network, method, precision, capture)
        times = interleaved({"body": body}, rounds=21, device=DEVICE)["body"]
        return 1000 * sorted(times)[len(times) // 2]


class Memory:
    """What the GPU's allocator holds after the same bodies, a graph's own pool included."""

    params = Captured.params
    param_names = Captured.param_names
    timeout = Captured.timeout
    unit = "MB"
    version = "1"

    def setup(self, network, method, precision, capture):
        if Steps is None or DEVICE == "cpu":
            raise NotImplementedError

    def track_reserved(self, network, method, precision, capture):
        body = _body(network, method, precision, capture)
        body()
        torch.cuda.empty_cache()  # what only capturing took
        torch.cuda.reset_peak_memory_stats()
        body()
        return torch.cuda.max_memory_reserved() / 1e6
