"""Normalization alone: f/(‖v‖ + ζ) and its gradients from given f and v, without any network."""

import time

import torch

try:
    from gnref.quotient import normalize
except ImportError:
    normalize = None


class Quotient:
    """A batch of 64 images' scores and gradients."""

    params = [["abs", "one", "zero"], [32, 128]]
    param_names = ["zeta", "size"]
    timer = time.process_time
    version = "1"

    def setup(self, zeta, size):
        if normalize is None:
            raise NotImplementedError
        torch.set_num_threads(1)
        torch.manual_seed(0)
        self.f = torch.randn(64, requires_grad=True)
        self.v = torch.randn(64, 3 * size * size, requires_grad=True)

    def time_value(self, zeta, size):
        normalize(self.f, self.v, zeta)

    def time_value_and_gradients(self, zeta, size):
        torch.autograd.grad(normalize(self.f, self.v, zeta)[0].sum(), (self.f, self.v))
