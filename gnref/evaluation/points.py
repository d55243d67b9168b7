"""Exact scores in the plane, where the truth is known: Wasserstein distance of two samples, and covered modes."""

import numpy as np
from numpy.typing import ArrayLike

from gnref.errors import UserError


def wasserstein_distance(first: ArrayLike, second: ArrayLike) -> float:
    """W₁ = min over bijections σ of (1/N) Σᵢ ||xᵢ - y_σ(i)||₂, exactly, by linear assignment (O(N³)).

    `first`, `second`: finite points (N, d), equally many. Raises UserError for anything else.

    >>> wasserstein_distance([[0, 0], [1, 0]], [[1, 2], [0, 2]])
    2.0
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    x, y = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if x.ndim != 2 or x.shape != y.shape or len(x) == 0:
        raise UserError(f"expected two sets of equally many points, shape (N, d), got {x.shape} and {y.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise UserError("expected finite points, got NaN or infinity among them")
    cost = cdist(x, y)
    return float(cost[linear_sum_assignment(cost)].mean())


def covered_modes(points: ArrayLike, centres: ArrayLike, deviation: float, share: float = 0.2) -> int:
    """How many of K modes get at least `share` of a fair part N / K of the points, counted within 4 deviations.

    `points` (N, d), `centres` (K, d), `deviation` that of every mode. A point counts for its nearest centre only.

    >>> covered_modes([[0, 0], [0.1, 0]], centres=[[0, 0], [5, 5]], deviation=0.1)
    1
    """
    from scipy.spatial.distance import cdist

    x, modes = np.asarray(points, np.float64), np.asarray(centres, np.float64)
    if x.ndim != 2 or modes.ndim != 2 or x.shape[1] != modes.shape[1] or deviation <= 0:
        raise UserError(
            f"expected points (N, d), centres (K, d) and a deviation above 0, got {x.shape}, {modes.shape}, {deviation}"
        )
    distance = cdist(x, modes)
    nearest, near = distance.argmin(1), distance.min(1) <= 4 * deviation
    counts = np.bincount(nearest[near], minlength=len(modes))
    return int((counts >= share * len(x) / len(modes)).sum())
