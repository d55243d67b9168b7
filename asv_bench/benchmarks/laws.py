"""The property suite: milliseconds a case of the laws, each judging the reference on a fixed exact network."""

import time

import torch

try:
    import gnref
    from gnref.exact import off_kinks
    from gnref.laws import LAWS, Case
except ImportError:
    LAWS = ()


class Cases:
    """Every law of the definition that takes exact networks, and drawing such cases."""

    unit = "ms a case"
    timeout = 300
    version = "1"

    def setup(self):
        if not LAWS:
            raise NotImplementedError
        torch.set_num_threads(1)

    def track_judged(self):
        laws = [law for law in LAWS if law.claim == "normalized-function" and law.level == "required"]
        layers = [[([2, -1], 1), ([1, 3], -3), ([-2, 1], 5)], [([1, -1, 2], 1), ([3, 1, -1], -5)]]
        case = Case(off_kinks(layers, ([2, -3], 1)), ((1.0, 2.0), (-3.0, 1.0), (2.0, -2.0)))
        for law in laws:
            law(gnref.gradient_normalize, case)
        began = time.process_time()
        for law in laws * 5:
            law(gnref.gradient_normalize, case)
        return 1000 * (time.process_time() - began) / (5 * len(laws))
