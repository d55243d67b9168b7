"""Normalization alone: f/(‖v‖ + ζ) and its gradients from given f and v, without any network."""

import torch

try:
    from gnref.measure import count, interleaved, ratio
    from gnref.quotient import normalize
except ImportError:
    normalize = None


class Quotient:
    """A batch of 64 images' scores and gradients; the literal f/(‖v‖ + |f|) by autograd is the unit of time."""

    params = [["abs", "one", "zero"], [32, 128]]
    param_names = ["zeta", "size"]
    version = "1"

    def setup(self, zeta, size):
        if normalize is None:
            raise NotImplementedError
        torch.set_num_threads(1)
        torch.manual_seed(0)
        self.f = torch.randn(64, requires_grad=True)
        self.v = torch.randn(64, 3 * size * size, requires_grad=True)

    def track_to_literal(self, zeta, size):
        def literal():
            value = self.f / (self.v.norm(dim=1) + self.f.abs())
            torch.autograd.grad(value.sum(), (self.f, self.v))

        def exact():
            torch.autograd.grad(normalize(self.f, self.v, zeta)[0].sum(), (self.f, self.v))

        times = interleaved({"literal": literal, "exact": exact}, rounds=101)
        return ratio(times["exact"], times["literal"])

    def track_launches(self, zeta, size):
        return count(lambda: torch.autograd.grad(normalize(self.f, self.v, zeta)[0].sum(), (self.f, self.v))).launches

    track_to_literal.unit = "ratio"
    track_launches.unit = "ATen calls"
