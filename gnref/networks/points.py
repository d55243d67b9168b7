"""Small perceptrons for points in the plane, and many of them side by side: the networks of two-dimensional studies.

With R replicas a network holds R sets of weights, and sample i passes the one numbered i mod R, so that one call, and
one step of training, does R independent runs: no weight, no sample and no statistic is shared.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from gnref.networks.layers import Activation


class ReplicatedLinear(nn.Module):
    """x ↦ W_r x + b_r for each replica r: (R, N, inputs) to (R, N, outputs). Kaiming normal weights, biases 0."""

    def __init__(self, inputs: int, outputs: int, replicas: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(replicas, inputs, outputs) * math.sqrt(2 / inputs))
        self.bias = nn.Parameter(torch.zeros(replicas, 1, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """(R, N, inputs) to (R, N, outputs)."""
        return torch.baddbmm(self.bias, x, self.weight)


class ReplicatedSpectralNorm(nn.Module):
    """W_r ↦ W_r / σ(W_r): σ = uᵀ W_r v by one power iteration per forward pass in training mode, 15 at the start.

    As `torch.nn.utils.parametrizations.spectral_norm` does it for one matrix. `weight` is (R, inputs, outputs).
    """

    def __init__(self, weight: Tensor, eps: float = 1e-12) -> None:
        super().__init__()
        self.eps = eps
        replicas, inputs, outputs = weight.shape
        self.register_buffer("u", self._unit(torch.randn(replicas, outputs, dtype=weight.dtype)))
        self.register_buffer("v", self._unit(torch.randn(replicas, inputs, dtype=weight.dtype)))
        self.u: Tensor
        self.v: Tensor
        for _ in range(15):
            self._iterate(weight.detach())

    @torch.no_grad()
    def _iterate(self, weight: Tensor) -> None:
        self.u = self._unit(torch.einsum("rio,ri->ro", weight, self.v))
        self.v = self._unit(torch.einsum("rio,ro->ri", weight, self.u))

    def _unit(self, x: Tensor) -> Tensor:
        return nn.functional.normalize(x, dim=1, eps=self.eps)

    def forward(self, weight: Tensor) -> Tensor:
        """(R, inputs, outputs) to the same shape."""
        if self.training:
            self._iterate(weight)
        sigma = torch.einsum("ro,rio,ri->r", self.u.clone(), weight, self.v.clone())
        return weight / sigma[:, None, None]


class _Perceptron(nn.Module):
    """Linear, φ, linear, φ, linear, for each replica, on samples that take the replicas by turns."""

    def __init__(self, inputs: int, width: int, outputs: int, replicas: int, activation: Activation) -> None:
        super().__init__()
        self.replicas = replicas
        self.layers = nn.Sequential(
            ReplicatedLinear(inputs, width, replicas),
            activation(),
            ReplicatedLinear(width, width, replicas),
            activation(),
            ReplicatedLinear(width, outputs, replicas),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs) to (N, outputs), N a multiple of R."""
        by_replica = x.reshape(-1, self.replicas, x.shape[1]).transpose(0, 1)
        y: Tensor = self.layers(by_replica).transpose(0, 1).flatten(0, 1)
        return y


class PointGenerator(_Perceptron):
    """Latents (N, latent) to points (N, 2)."""

    def __init__(self, latent: int = 8, width: int = 32, replicas: int = 1) -> None:
        super().__init__(latent, width, 2, replicas, nn.ReLU)
        self.latent = latent


class PointDiscriminator(_Perceptron):
    """Points (N, 2) to scores (N, 1)."""

    def __init__(
        self,
        width: int = 32,
        replicas: int = 1,
        activation: Activation = nn.ReLU,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__(2, width, 1, replicas, activation)
        if spectral_norm:
            for layer in self.layers:
                if isinstance(layer, ReplicatedLinear):
                    parametrize.register_parametrization(layer, "weight", ReplicatedSpectralNorm(layer.weight))
