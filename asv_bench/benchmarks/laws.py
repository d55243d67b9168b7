"""The property suite: process time of its required laws, each judging the reference once on a fixed exact network."""

import time

import torch

try:
    import gnref
    from gnref.exact import off_kinks
    from gnref.laws import LAWS, Case
except ImportError:
    LAWS = ()


class Cases:
    """One case of each of the ten required laws of the definition that take exact networks."""

    timer = time.process_time
    timeout = 300
    version = "2"

    def setup(self):
        if not LAWS:
            raise NotImplementedError
        torch.set_num_threads(1)
        self.laws = [law for law in LAWS if law.claim == "normalized-function" and law.level == "required"]
        layers = [[([2, -1], 1), ([1, 3], -3), ([-2, 1], 5)], [([1, -1, 2], 1), ([3, 1, -1], -5)]]
        self.case = Case(off_kinks(layers, ([2, -3], 1)), ((1.0, 2.0), (-3.0, 1.0), (2.0, -2.0)))

    def time_judged(self):
        for law in self.laws:
            law(gnref.gradient_normalize, self.case)
