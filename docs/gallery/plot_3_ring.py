"""
A GAN on a ring, with and without
=================================

Eight Gaussians on a circle, a small network, a learning rate of 5e-3: at that rate the unnormalized discriminator is in
trouble, which is why it is shown. One seed and a few hundred steps are a picture and no evidence; the study has the
seeds, the rates and the methods that people compare with.
"""

import matplotlib.pyplot as plt
import torch
from torch import nn

import gnref

STEPS, BATCH, RATE = 600, 64, 5e-3


def ring(n: int, generator: torch.Generator) -> torch.Tensor:
    """n points of eight Gaussians of deviation 0.02 on the circle of radius 2."""
    angle = torch.randint(8, (n,), generator=generator) * (2 * torch.pi / 8)
    return 2 * torch.stack([angle.cos(), angle.sin()], 1) + 0.02 * torch.randn(n, 2, generator=generator)


def mlp(inputs: int, outputs: int) -> nn.Sequential:
    """Two hidden layers of 32."""
    layers = nn.Linear(inputs, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, outputs)
    return nn.Sequential(*layers)


def train(normalized: bool) -> torch.Tensor:
    """Train from the same seed with or without normalization; 500 samples of the trained generator."""
    torch.manual_seed(11)
    draws = torch.Generator().manual_seed(12)
    G, D = mlp(8, 2), mlp(2, 1)
    score = gnref.GradientNormalized(D) if normalized else D
    g_optimizer = torch.optim.Adam(G.parameters(), RATE, (0.0, 0.9))
    d_optimizer = torch.optim.Adam(D.parameters(), RATE, (0.0, 0.9))
    for _ in range(STEPS):
        real, z = ring(BATCH, draws), torch.randn(BATCH, 8, generator=draws)
        d_loss = gnref.hinge.discriminator(*score(torch.cat([real, G(z).detach()])).chunk(2))
        d_optimizer.zero_grad()
        d_loss.backward()
        d_optimizer.step()
        g_loss = gnref.hinge.generator(score(G(torch.randn(BATCH, 8, generator=draws))))
        g_optimizer.zero_grad()
        g_loss.backward()
        g_optimizer.step()
    return G(torch.randn(500, 8, generator=draws)).detach()


# %%

figure, axes = plt.subplots(1, 2, figsize=(8, 4), layout="constrained", sharex=True, sharey=True)
real = ring(500, torch.Generator().manual_seed(13))
for axis, normalized in zip(axes, (False, True), strict=True):
    samples = train(normalized)
    axis.scatter(*real.T, s=6, color="#999999", label="real")
    axis.scatter(*samples.T, s=6, color="#0072b2", label="generated")
    axis.set(title="gradient normalization" if normalized else "no normalization", xlabel="x", ylabel="y")
    axis.set(xlim=(-4, 4), ylim=(-4, 4), aspect="equal")
    axis.legend(loc="upper right")
plt.show()
