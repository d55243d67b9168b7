"""
Theorem 6, worked through
=========================

The theorem of the paper says that f̂ is 1-Lipschitz for a network with piecewise-linear activations. This page takes
it apart with exact numbers: what its hypotheses admit, what holds inside linear regions, and what happens between them.
"""

from fractions import Fraction

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import PolyCollection

from gnref.certificates import Chain, Plane, Segment
from gnref.exact import ExactNetwork, normalized

# %%
# 1. The hypotheses together admit affine functions only
# ------------------------------------------------------
# A piecewise-linear f has one gradient a piece. If f is continuously differentiable as well, neighbouring pieces have
# the same gradient, and f is affine. With a kink it is not continuously differentiable: take
# `|x + y| + 2|x - y + 1| - 2`, written with leaky slopes of -1.

hidden = (((1.0, 1.0), 0.0), ((1.0, -1.0), 1.0))
kinked = ExactNetwork((hidden,), ((1.0, 2.0), -2.0), slope=-1.0)
for point in ((2, 1), (-2, -1), (0, 3)):
    here = kinked.exactly(point)
    gradient = ", ".join(map(str, here.gradient))
    print(f"at {point}: f = {here.score}, ∇f = ({gradient}), ‖∇f‖² = {here.squared_norm}")

# %%
# 2. The smallest network with a jump
# -----------------------------------
# relu(x) + 1, in fractions.

jump = ExactNetwork(((((1.0,), 0.0),),), ((1.0,), 1.0))
for x in (Fraction(0), Fraction(1, 10**6), Fraction(1, 10**3)):
    here = jump.exactly((x,))
    score = normalized(here.score, here.squared_norm)
    print(f"x = {x}: f = {here.score}, slope² = {here.squared_norm}, f̂ = {score}")

# %%
# The difference quotient between 0 and x grows without bound as x falls to 0: no constant L bounds it.

# %%
# 3. Along a segment of a random network, every kink
# --------------------------------------------------
# The certificate keeps all linear pieces between two points; nothing is sampled.

rng = np.random.default_rng(0)
first = rng.normal(size=(24, 2)), rng.normal(size=24)
last = rng.normal(size=(1, 24)) / 5, rng.normal(size=1)
matrices = [first, last]
segment = Segment.of(Chain.of(matrices, 0.0), (-2.0, -1.5), (2.0, 1.5))
t = np.asarray(segment.t, dtype=float)
print(f"{len(t) - 1} linear pieces")

figure, axis = plt.subplots(figsize=(7, 3.5), layout="constrained")
ends = np.asarray(segment.normalized(), dtype=float).reshape(-1, 2)
for i, (start, end) in enumerate(ends):
    axis.plot([t[i], t[i + 1]], [start, end], color="#0072b2", linewidth=2)
    if i:
        axis.plot([t[i], t[i]], [ends[i - 1][1], start], color="#d55e00", linestyle=":")
axis.set_title("f̂ on every linear piece (blue), and its jumps (orange)")
axis.set(xlabel="position t along the segment, 0 to 1", ylabel="f̂")
plt.show()

# %%
# 4. In the plane
# ---------------
# All linear regions in a window. The colour is the gradient norm of f, constant in each region; wherever it changes
# across a border on which f is not 0, f̂ jumps.

plane = Plane.of(Chain.of(matrices, 0.0), -2.0, 2.0)
steepest, leap = plane.lipschitz(), plane.largest_jump()
print(f"{len(plane)} regions")
print(f"largest slope of f̂ inside one: {steepest.value:.4f}; largest jump: {leap.value:.4f}")

figure, axis = plt.subplots(figsize=(5.5, 4.5), layout="constrained")
regions = PolyCollection(plane.polygons.corners, array=plane.norms, edgecolors="white", linewidths=0.4)
axis.add_collection(regions)
axis.scatter(*leap.point, marker="x", color="#d55e00", s=90, linewidths=2, label="largest jump of f̂")
axis.set(xlim=(-2, 2), ylim=(-2, 2), xlabel="x", ylabel="y", aspect="equal")
axis.set_title("gradient norm of f, region by region")
axis.grid(visible=False)
axis.legend(loc="upper right", frameon=True)
figure.colorbar(regions, label="‖∇f‖")
plt.show()

# %%
# So the slope bound holds in every region, none sampled, and f̂ is not 1-Lipschitz, because it is not continuous. What
# can be proved instead, and how large the jumps of trained discriminators are, is told on the page :doc:`/theorem-6`.
