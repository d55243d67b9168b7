"""Convex polygons in padded arrays, cut by affine functions that are known at their corners."""

from typing import NamedTuple

import numpy as np

from gnref.certificates.chain import Array


class Polygons(NamedTuple):
    """F convex polygons: corners (F, K, 2), counter-clockwise, of which the first sizes[i] are used."""

    corners: Array
    sizes: Array

    def used(self) -> Array:
        """Which corners (F, K) are used."""
        return used(self.sizes, self.corners.shape[1])


def used(sizes: Array, width: int) -> Array:
    """Which corners (F, width) are used, the first sizes[i] of each polygon."""
    return np.asarray(np.arange(width) < sizes[:, None])


def vertices(polygons: Polygons) -> tuple[Array, Array]:
    """The distinct vertices (V, 2), and for each polygon's corner the vertex it is, (F, K), -1 where unused."""
    inside = polygons.used()
    # One complex number a corner sorts by (x, y); adding 0 makes -0 and 0 one number.
    unique, index = np.unique(
        np.ascontiguousarray(polygons.corners[inside] + 0.0).view(complex)[:, 0], return_inverse=True
    )
    of_corner = np.full(inside.shape, -1)
    of_corner[inside] = index
    return np.stack([unique.real, unique.imag], axis=1), of_corner


def split(corners: Array, sizes: Array, z: Array) -> tuple[Polygons, Polygons]:
    """The parts of convex polygons where the affine function with values z at the corners is >= 0, and <= 0.

    corners (C, K, D): whatever else a corner carries beyond its two coordinates is interpolated as they are.
    """
    count, width, columns = corners.shape
    index = np.arange(width)
    following = np.where(index + 1 < sizes[:, None], index + 1, 0)
    z_next = np.take_along_axis(z, following, axis=1)
    inside = index < sizes[:, None]
    cut = inside & (z * z_next < 0)
    polygon, corner = np.nonzero(cut)
    a, b = z[polygon, corner][:, None], z_next[polygon, corner][:, None]
    # The same vertex to the bit from either end of the edge: exchanging the ends negates both differences.
    point = (a * corners[polygon, following[polygon, corner]] - b * corners[polygon, corner]) / (a - b)
    expanded = np.empty((count, width, 2, columns))
    expanded[:, :, 0] = corners
    expanded[polygon, corner, 1] = point
    flat = expanded.reshape(count, 2 * width, columns)
    halves = []
    for side in (z >= 0, z <= 0):
        keep = np.stack([side & inside, cut], axis=2).reshape(count, 2 * width)
        sizes_kept = keep.sum(axis=1)
        order = np.argsort(~keep, axis=1, kind="stable")[:, : sizes_kept.max(initial=1)]
        halves.append(padded(Polygons(np.take_along_axis(flat, order[..., None], axis=1), sizes_kept)))
    return halves[0], halves[1]


def crossed(z: Array, sizes: Array) -> Array:
    """Which polygons have corners strictly on both sides."""
    inside = used(sizes, z.shape[1])
    return np.nonzero((inside & (z > 0)).any(axis=1) & (inside & (z < 0)).any(axis=1))[0]


def padded(polygons: Polygons) -> Polygons:
    """The unused corners repeat the first, so that extremes over corners need no mask."""
    return Polygons(np.where(polygons.used()[..., None], polygons.corners, polygons.corners[:, :1]), polygons.sizes)


def select(polygons: Polygons, which: Array) -> Polygons:
    """Some of the polygons."""
    return Polygons(polygons.corners[which], polygons.sizes[which])


def together(parts: list[Polygons]) -> Polygons:
    """All of them in one array, as wide as the widest."""
    width = max(part.corners.shape[1] for part in parts)
    return Polygons(
        np.concatenate([widened(part.corners, width) for part in parts]), np.concatenate([p.sizes for p in parts])
    )


def widened(corners: Array, width: int) -> Array:
    """The same corners with room for `width`, the first repeated."""
    missing = width - corners.shape[1]
    return np.concatenate([corners, np.repeat(corners[:, :1], missing, axis=1)], axis=1) if missing else corners
