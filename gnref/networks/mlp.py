"""The two-layer perceptron whose value surface the paper draws."""

from torch import Tensor, nn

from gnref.networks.layers import Activation
from gnref.networks.spectral import add_spectral_norm


class MLPDiscriminator(nn.Module):
    """f(x) = w₂ᵀ φ(W₁ x + b₁) + b₂, a score of points in the plane [GN, appendix B.2, Figure 3].

    `width` is the hidden size: 512 in the text (the original notebook's was 64). `dimension` is x's. Weights and
    biases start as PyTorch's linear layers do; the paper names no initialization for this experiment.
    """

    def __init__(
        self,
        width: int = 512,
        dimension: int = 2,
        activation: Activation = nn.ReLU,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        self.hidden = nn.Linear(dimension, width)
        self.activation = activation()
        self.head = nn.Linear(width, 1)
        if spectral_norm:
            add_spectral_norm(self, nn.Linear)

    def forward(self, x: Tensor) -> Tensor:
        """Points (N, dimension) to scores (N, 1)."""
        scores: Tensor = self.head(self.activation(self.hidden(x)))
        return scores
