"""Small discriminators: the equation as it stands, double backward and the replay, where Python costs most."""

import torch
from torch import nn

try:
    from gnref.measure import interleaved, ratio
    from gnref.normalization import gradient_normalize, literal
except ImportError:
    literal = None


def _step(discriminator, score):
    """D's gradients of the hinge loss on 32 reals and 32 fakes in the plane."""
    x = torch.randn(64, 2)

    def step():
        f = score(discriminator, x)
        ((1 - f[:32]).relu().mean() + (1 + f[32:]).relu().mean()).backward()

    return step


class Perceptron:
    """2 - width - width - 1 with ReLU, to the unnormalized gradient."""

    params = [[64, 256, 1024], ["literal", "double-backward", "replay", "auto"]]
    param_names = ["width", "method"]
    unit = "ratio"
    version = "1"

    def setup_cache(self):
        if literal is None:
            return {}
        torch.set_num_threads(1)
        found = {}
        for width in self.params[0]:
            torch.manual_seed(0)
            layers = nn.Linear(2, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1)
            discriminator = nn.Sequential(*layers)
            bodies = {"vanilla": _step(discriminator, lambda D, x: D(x)), "literal": _step(discriminator, literal)}
            for method in self.params[1][1:]:
                bodies[method] = _step(discriminator, lambda D, x, m=method: gradient_normalize(D, x, method=m))
            times = interleaved(bodies, rounds=101)
            found |= {(width, method): ratio(times[method], times["vanilla"]) for method in self.params[1]}
        return found

    def setup(self, found, width, method):
        if not found:
            raise NotImplementedError

    def track_to_vanilla(self, found, width, method):
        return found[width, method]
