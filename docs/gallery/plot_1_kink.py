"""
f, its slope, and f̂ across a kink
==================================

relu(x) + 1 is continuous. Its slope is not, and the slope stands in f̂'s denominator: f̂ jumps from 1 to 1/2.
"""

import matplotlib.pyplot as plt
import torch

import gnref

# %%
# The network, and its three curves on a fine grid. The grid has no point at the kink itself, where automatic
# differentiation has to choose one of two slopes.


def f(x: torch.Tensor) -> torch.Tensor:
    """relu(x) + 1, one score a sample."""
    return torch.relu(x) + 1


x = torch.linspace(-2, 2, 4000, dtype=torch.float64)[:, None]
parts = gnref.normalization_parts(f, x)
columns = {
    "f": parts.score,
    "‖∇f‖": parts.gradient_norm,
    "f̂ = f / (‖∇f‖ + |f|)": parts.normalized[:, 0],
}

figure, axes = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
for axis, (name, values) in zip(axes, columns.items(), strict=True):
    for keep in (x[:, 0] < 0, x[:, 0] > 0):
        axis.plot(x[keep, 0], values.detach()[keep], color="#0072b2", linewidth=2)
    axis.axvline(0, color="gray", linewidth=0.8, linestyle=":")
    axis.set(title=name, xlabel="x", ylim=(-0.1, 3.1 if name == "f" else 1.3))
plt.show()

# %%
# The jump, from the closed form `|f| |g₊ - g₋| / ((g₊ + |f|)(g₋ + |f|))` at f = 1, g₋ = 0, g₊ = 1, and from the curve.

left, right = parts.normalized[x < 0][-1].item(), parts.normalized[x > 0][0].item()
print(f"closed form {1 * 1 / ((1 + 1) * (0 + 1))}, on the grid {left - right:.4f}")

# %%
# Inside each piece the slope is as Theorem 6 says, (1 - f̂)²: 0 on the left, at most 1/4 on the right.

half = torch.tensor([[0.5]], dtype=torch.float64, requires_grad=True)
score = gnref.gradient_normalize(f, half)
(slope,) = torch.autograd.grad(score.sum(), half)
print(f"at x = 1/2: f̂ = {score.item():.4f}")
print(f"slope {slope.item():.4f}, (1 - f̂)² = {(1 - score.item()) ** 2:.4f}")
