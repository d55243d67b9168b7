"""
Theorem 6, repaired: a normalization without jumps
==================================================

With K in the place of the gradient norm, `f / (K + |f|)` is 1-Lipschitz on the whole space whenever K is at least the
gradient norm and changes slowly: at most at the rate `2K + |f|`. The smallest K of the exponential kind is the largest
of all gradient norms, each divided by e to twice the distance. In one variable that is a maximum over the pieces.
"""

import matplotlib.pyplot as plt
import numpy as np

# %%
# A piecewise-linear f: its kinks, its slope on each piece, and a value at 0 that makes a faster K fail.

kinks = np.array([-1.5, 0.0, 1.1])
slopes = np.array([0.5, 3.0, 1.0, -0.4])
x = np.linspace(-3, 3, 6000)  # no kink lies on this grid
piece = np.searchsorted(kinks, x)
corners = np.concatenate([[-3], kinks, [3]])
values = np.concatenate([[0], np.cumsum(slopes * np.diff(corners))])
f = np.interp(x, corners, values - values[2] + (1 - np.log(3)) / 3)


def smallest_k(at: np.ndarray, rate: float) -> np.ndarray:
    """max over the pieces of |slope| · exp(-rate · distance to the piece)."""
    low, high = np.concatenate([[-np.inf], kinks]), np.concatenate([kinks, [np.inf]])
    beside = np.maximum(low[None] - at[:, None], at[:, None] - high[None])
    distance = np.maximum(0, beside)
    return (np.abs(slopes)[None] * np.exp(-rate * distance)).max(axis=1)


# %%
# GN's norm jumps where the slope does, and so does GN's f̂. K does not jump, and neither does its quotient.

norm, k = np.abs(slopes[piece]), smallest_k(x, 2)
gn, repaired = f / (norm + np.abs(f)), f / (k + np.abs(f))
figure, axes = plt.subplots(1, 3, figsize=(11, 3.2), layout="constrained")
axes[0].plot(x, f, color="#0072b2")
axes[0].set(title="f", xlabel="x")
axes[1].plot(x, norm, color="#d55e00", label="|slope|, as in GN")
axes[1].plot(x, k, color="#0072b2", label="the smallest K")
axes[1].set(title="what is added to |f|", xlabel="x")
axes[2].plot(x, gn, color="#d55e00", label="GN")
axes[2].plot(x, repaired, color="#0072b2", label="repaired")
axes[2].set(title="f / (K + |f|)", xlabel="x")
for axis in axes[1:]:
    axis.legend()
plt.show()

# %%
# The largest difference quotient between neighbours on the grid: huge for GN, at most 1 for the repaired form. A faster
# K, of a rate above 2, need not be 1-Lipschitz: its largest slope can reach r² / (4(r - 1)), which is 9/8 at rate 3.

faster = f / (smallest_k(x, 3) + np.abs(f))
for name, curve in (("GN", gn), ("repaired, rate 2", repaired), ("rate 3", faster)):
    print(f"{name}: {np.abs(np.diff(curve) / np.diff(x)).max():.4f}")
