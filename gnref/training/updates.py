"""What moves weights: the optimizer, and the moving average of G."""

import torch
from torch import nn

from gnref.training.experiment import Experiment


def adam(e: Experiment, network: nn.Module, rate: float) -> torch.optim.Adam:
    """The experiment's optimizer of a network that is on its device."""
    on_meta = next(network.parameters()).is_meta  # where steps are only counted there is no fused kernel
    return torch.optim.Adam(
        network.parameters(), rate, betas=(e.beta1, e.beta2), eps=e.epsilon, fused=None if on_meta else True
    )


@torch.no_grad()
def update_average(average: nn.Module, generator: nn.Module, decay: float) -> None:
    """average ← d · average + (1 - d) · G, its buffers too; d = 0 copies G, and so are whole numbers copied."""
    pairs = list(zip(average.state_dict().values(), generator.state_dict().values(), strict=True))
    means = [(mean, now) for mean, now in pairs if mean.is_floating_point()]
    torch._foreach_lerp_([mean for mean, _ in means], [now for _, now in means], 1 - decay)
    for mean, now in pairs:
        if not mean.is_floating_point():
            mean.copy_(now)
