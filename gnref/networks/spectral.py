"""Spectral normalization: W / σ(W), with σ by one power iteration per forward pass in training mode.

Power iteration keeps estimates u, v of the first singular vectors of W, as a matrix with one row an output, and
σ = uᵀWv. PyTorch's present `spectral_norm` starts them with fifteen iterations and renews u = Wv/‖Wv‖ before
v = Wᵀu/‖Wᵀu‖; the original code uses the older function of that name, which starts from random vectors and renews v
before u. Both converge to the same σ; the first steps of training differ.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations


def add_spectral_norm(network: nn.Module, *kinds: type[nn.Module], eps: float = 1e-12) -> None:
    """Replace W by W / σ(W) in every module of `kinds`, in PyTorch's present order.

    The parameters keep their number and values; each is renamed `parametrizations.weight.original`.
    """
    for module in list(network.modules()):
        if isinstance(module, kinds):
            parametrizations.spectral_norm(module, eps=eps)


def use_original_order(network: nn.Module) -> None:
    """Let every spectral norm in the network iterate as the original code's: random start, v before u.

    The names in the state dict stay; u and v are drawn anew from torch's random state.
    """
    for module in network.modules():
        for chain in getattr(module, "parametrizations", {}).values():
            for i, step in enumerate(chain):
                if isinstance(step, parametrizations._SpectralNorm):
                    chain[i] = _OriginalSpectralNorm(chain.original, step.eps)


class _OriginalSpectralNorm(nn.Module):
    """W (O, ...) to W / uᵀWv; the buffers u (O,) and v (the rest,) advance by one iteration in training mode."""

    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor, eps: float) -> None:
        super().__init__()
        self.eps = eps
        rows, columns = weight.flatten(1).shape
        for name, length in (("_u", rows), ("_v", columns)):
            start = torch.randn(length, dtype=weight.dtype, device=weight.device)
            self.register_buffer(name, F.normalize(start, dim=0, eps=eps))

    def forward(self, weight: Tensor) -> Tensor:
        matrix = weight.flatten(1)
        if self.training:
            with torch.no_grad():
                F.normalize(matrix.T @ self._u, dim=0, eps=self.eps, out=self._v)
                F.normalize(matrix @ self._v, dim=0, eps=self.eps, out=self._u)
        # Copies, for the backward pass of this call must not see the iteration of the next.
        u, v = self._u.clone(), self._v.clone()
        return weight / (u @ (matrix @ v))
