"""Cut a square into the convex polygons on which a chain network of two inputs is affine, in vectorized NumPy.

The cuts of one layer are straight inside each polygon of the layers before it. Polygons that share an edge compute its
new vertices from the same numbers by the same formula, so shared vertices are equal bit for bit and every edge matches.
A vertex nearer to a unit's line than rounding can tell (2^-42 of the unit's magnitude) is taken to lie on it: this is
what makes networks without biases, all of whose lines meet in one point, come out right.
"""

from typing import NamedTuple

import numpy as np

from gnref.certificates.chain import Array, Chain

_SNAP = 2.0**-42
_UNITS_AT_ONCE = 64
_PENDING_AT_ONCE = (2, 4, 8, 16, 32, 64, 128, 256, 512)


class Polygons(NamedTuple):
    """F convex polygons: corners (F, K, 2), counter-clockwise, of which the first sizes[i] are used."""

    corners: Array
    sizes: Array

    def used(self) -> Array:
        """Which corners (F, K) are used."""
        return np.asarray(np.arange(self.corners.shape[1]) < self.sizes[:, None])


def arrange(network: Chain, low: float, high: float) -> Polygons:
    """The regions of a float64 network of two inputs inside [low, high]²."""
    box = np.array([[[low, low], [high, low], [high, high], [low, high]]], dtype=np.float64)
    polygons = Polygons(box, np.array([4]))
    for depth in range(len(network.weights) - 1):
        if depth == 0:
            radius = max(abs(low), abs(high))
            polygons = _cut_by_lines(polygons, network.weights[0], network.biases[0], radius)
        else:
            polygons = _cut_by_layer(polygons, network, depth)
    return polygons


def vertices(polygons: Polygons) -> tuple[Array, Array]:
    """The distinct vertices (V, 2), and for each polygon's corner the vertex it is, (F, K)."""
    used = polygons.used()
    # One complex number a corner sorts by (x, y); adding 0 makes -0 and 0 one number.
    unique, index = np.unique(
        np.ascontiguousarray(polygons.corners[used] + 0.0).view(complex)[:, 0], return_inverse=True
    )
    of_corner = np.full(used.shape, -1)
    of_corner[used] = index
    return np.stack([unique.real, unique.imag], axis=1), of_corner


def tolerance(network: Chain, depth: int, radius: float) -> Array:
    """Below what |z| a unit of layer `depth` counts as zero within the box (width,)."""
    h = np.full((1, 2), radius)
    gain = max(1.0, abs(float(network.slope)))
    for weight, bias in zip(network.weights[: depth + 1], network.biases, strict=False):
        h = (h @ np.abs(weight).T + np.abs(bias)) * gain
    return np.asarray(_SNAP * h[0])


def _cut_by_lines(polygons: Polygons, weight: Array, bias: Array, radius: float) -> Polygons:
    """Cut by the same lines everywhere: the first layer. Only polygons whose circle a line meets are looked at."""
    stock = _Stock(polygons)
    norms = np.hypot(weight[:, 0], weight[:, 1])
    snap = _SNAP * (np.abs(weight).sum(axis=1) * radius + np.abs(bias))
    for (a, b), c, norm, small in zip(weight, bias, norms, snap, strict=True):
        x, y, reach = stock.centre[: stock.count].T
        near = np.nonzero(np.abs(a * x + b * y + c) <= norm * reach * (1 + 1e-9) + small)[0]
        corners = stock.corners[near]
        z = _snapped(a * corners[..., 0] + b * corners[..., 1] + c, small)
        crossed = _crossed(z, stock.sizes[near])
        if len(crossed):
            above, below = _split(corners[crossed], stock.sizes[near[crossed]], z[crossed])
            stock.replace(near[crossed], above)
            stock.append(below)
    return Polygons(stock.corners[: stock.count].copy(), stock.sizes[: stock.count].copy())


def _cut_by_layer(polygons: Polygons, network: Chain, depth: int) -> Polygons:
    """Cut each polygon by the units of a deeper layer that change sign in it.

    Their values are evaluated once a vertex and interpolated from there, so what two neighbours share stays equal.
    """
    cells, units, z = _sign_changes(polygons, network, depth)
    # The pending cuts of a cell, in order of unit, so that both sides of an edge apply them in the same order.
    order = np.lexsort((units, cells))
    cells, z = cells[order], z[order]
    counts = np.bincount(cells, minlength=len(polygons.sizes))
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    rank = np.arange(len(cells)) - first[cells]
    found, least = [_select(polygons, counts == 0)], 0
    for most in (
        _PENDING_AT_ONCE if counts.max(initial=0) <= _PENDING_AT_ONCE[-1] else (*_PENDING_AT_ONCE, counts.max())
    ):
        batch = np.nonzero((counts > least) & (counts <= most))[0]
        least = most
        if len(batch) == 0:
            continue
        position = np.full(len(counts), -1)
        position[batch] = np.arange(len(batch))
        mine = position[cells] >= 0
        # A cell with fewer cuts than others of its batch is padded with a unit that is positive throughout.
        pending = np.ones((len(batch), polygons.corners.shape[1], counts[batch].max()))
        pending[position[cells[mine]], :, rank[mine]] = z[mine]
        found.append(_cut_by_pending(polygons.corners[batch], polygons.sizes[batch], pending))
    return _together(found)


def _sign_changes(polygons: Polygons, network: Chain, depth: int) -> tuple[Array, Array, Array]:
    """Which units of layer `depth` change sign in which polygons, with z at the corners: (n,), (n,), (n, K)."""
    points, of_corner = vertices(polygons)
    # Padding repeats a polygon's first corner.
    of_corner = np.where(of_corner < 0, of_corner[:, :1], of_corner)
    h = points
    for weight, bias in zip(network.weights[:depth], network.biases, strict=False):
        h = network.activate(h @ weight.T + bias)
    snap = tolerance(network, depth, float(np.abs(points).max()))
    weight, bias = network.weights[depth], network.biases[depth]
    cells, units, values = [], [], []
    for start in range(0, len(weight), _UNITS_AT_ONCE):
        block = slice(start, start + _UNITS_AT_ONCE)
        z = _snapped(h @ weight[block].T + bias[block], snap[block])
        sign = np.sign(z).astype(np.int8)
        least, largest = sign[of_corner[:, 0]], sign[of_corner[:, 0]]
        for k in range(1, of_corner.shape[1]):
            corner = sign[of_corner[:, k]]
            np.minimum(least, corner, out=least)
            np.maximum(largest, corner, out=largest)
        cell, unit = np.nonzero(least * largest < 0)
        cells.append(cell)
        units.append(unit + start)
        values.append(z[of_corner[cell], unit[:, None]])
    return np.concatenate(cells), np.concatenate(units), np.concatenate(values)


def _cut_by_pending(corners: Array, sizes: Array, pending: Array) -> Polygons:
    """Cut polygons by their own pending units, whose values z (P, K, M) are carried by the corners."""
    for _ in range(pending.shape[2]):
        # The values carried were snapped where they were evaluated; an interpolated one near zero is zero as well.
        scale = np.abs(pending[..., 0]).max(axis=1, keepdims=True)
        z = _snapped(pending[..., 0], _SNAP * scale)
        crossed = _crossed(z, sizes)
        kept = np.ones(len(sizes), dtype=bool)
        kept[crossed] = False
        whole = np.concatenate([corners, pending[..., 1:]], axis=2)
        halves = _split(whole[crossed], sizes[crossed], z[crossed])
        together = _together([Polygons(whole[kept], sizes[kept]), *halves])
        corners, pending, sizes = together.corners[..., :2], together.corners[..., 2:], together.sizes
    return Polygons(corners, sizes)


def _split(corners: Array, sizes: Array, z: Array) -> tuple[Polygons, Polygons]:
    """The parts of convex polygons where the affine function with values z at the corners is >= 0, and <= 0.

    corners (C, K, D): whatever else a corner carries beyond its two coordinates is interpolated as they are.
    """
    count, width, _ = corners.shape
    index = np.arange(width)
    following = np.where(index + 1 < sizes[:, None], index + 1, 0)
    z_next = np.take_along_axis(z, following, axis=1)
    used = index < sizes[:, None]
    cut = used & (z * z_next < 0)
    polygon, corner = np.nonzero(cut)
    a, b = z[polygon, corner][:, None], z_next[polygon, corner][:, None]
    # The same vertex to the bit from either end of the edge: exchanging the ends negates both differences.
    point = (a * corners[polygon, following[polygon, corner]] - b * corners[polygon, corner]) / (a - b)
    expanded = np.empty((count, width, 2, corners.shape[2]))
    expanded[:, :, 0] = corners
    expanded[polygon, corner, 1] = point
    flat = expanded.reshape(count, 2 * width, -1)
    halves = []
    for side in (z >= 0, z <= 0):
        keep = np.stack([side & used, cut], axis=2).reshape(count, 2 * width)
        sizes_kept = keep.sum(axis=1)
        order = np.argsort(~keep, axis=1, kind="stable")[:, : sizes_kept.max(initial=1)]
        halves.append(_padded(Polygons(np.take_along_axis(flat, order[..., None], axis=1), sizes_kept)))
    return halves[0], halves[1]


def _crossed(z: Array, sizes: Array) -> Array:
    """Which polygons have corners strictly on both sides."""
    used = np.arange(z.shape[1]) < sizes[:, None]
    return np.nonzero((used & (z > 0)).any(axis=1) & (used & (z < 0)).any(axis=1))[0]


def _snapped(z: Array, small: Array) -> Array:
    return np.where(np.abs(z) <= small, 0.0, z)


def _padded(polygons: Polygons) -> Polygons:
    """The unused corners repeat the first, so that extremes over corners need no mask."""
    return Polygons(np.where(polygons.used()[..., None], polygons.corners, polygons.corners[:, :1]), polygons.sizes)


def _select(polygons: Polygons, which: Array) -> Polygons:
    return Polygons(polygons.corners[which], polygons.sizes[which])


def _together(parts: list[Polygons]) -> Polygons:
    width = max(part.corners.shape[1] for part in parts)
    widened = [_widened(part.corners, width) for part in parts]
    return Polygons(np.concatenate(widened), np.concatenate([part.sizes for part in parts]))


def _widened(corners: Array, width: int) -> Array:
    missing = width - corners.shape[1]
    return np.concatenate([corners, np.repeat(corners[:, :1], missing, axis=1)], axis=1) if missing else corners


class _Stock:
    """Polygons in arrays that double when they are full, with each one's enclosing circle (x, y, radius)."""

    def __init__(self, polygons: Polygons) -> None:
        self.count = 0
        self.corners = np.empty((1024, polygons.corners.shape[1], 2))
        self.sizes = np.empty(1024, dtype=np.int64)
        self.centre = np.empty((1024, 3))
        self.append(polygons)

    def append(self, polygons: Polygons) -> None:
        where = np.arange(self.count, self.count + len(polygons.sizes))
        while len(self.sizes) < self.count + len(where):
            self.corners = np.concatenate([self.corners, np.empty_like(self.corners)])
            self.sizes = np.concatenate([self.sizes, np.empty_like(self.sizes)])
            self.centre = np.concatenate([self.centre, np.empty_like(self.centre)])
        self.count += len(where)
        self.replace(where, polygons)

    def replace(self, where: Array, polygons: Polygons) -> None:
        width = max(self.corners.shape[1], polygons.corners.shape[1])
        self.corners = _widened(self.corners, width)
        corners = _widened(polygons.corners, width)
        self.corners[where], self.sizes[where] = corners, polygons.sizes
        middle = corners.mean(axis=1)
        radius = np.sqrt(((corners - middle[:, None]) ** 2).sum(axis=2).max(axis=1))
        self.centre[where] = np.concatenate([middle, radius[:, None]], axis=1)
