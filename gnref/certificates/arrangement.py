"""Cut a square into the convex polygons on which a chain network of two inputs is affine, in vectorized NumPy.

The cuts of one layer are straight inside each polygon of the layers before it. Polygons that share an edge compute its
new vertices from the same numbers by the same formula, so shared vertices are equal bit for bit and every edge matches.
A vertex nearer to a unit's line than rounding can tell (2^-42 of the unit's magnitude) is taken to lie on it, and noted
in `snapped`: this is what makes networks without biases, all of whose lines meet in one point, come out right.
"""

from typing import NamedTuple

import numpy as np

from gnref.certificates.chain import Array, Chain
from gnref.certificates.lines import Lines
from gnref.certificates.polygons import Polygons, crossed, select, split, together, vertices

_SNAP = 2.0**-42
_UNITS_AT_ONCE = 64
_PENDING_AT_ONCE = (2, 4, 8, 16, 32, 64, 128, 256, 512)


class Arrangement(NamedTuple):
    """The regions; of the first layer's units that are on in each, Σ terms (T, F) and a 64-bit name (F,).

    snapped (n, 2): the vertices that were taken to lie on a line although their distance from it was not 0.
    """

    polygons: Polygons
    sums: Array
    names: Array
    snapped: Array


def arrange(network: Chain, low: float, high: float, terms: Array, keys: Array) -> Arrangement:
    """The regions of a float64 network of two inputs inside [low, high]².

    terms (width₁, T), keys (width₁,): what each unit of the first layer adds to a region's sums and name where it is
    on. They are those of the whole network where it has one hidden layer, and of no use where it has more.
    """
    box = Polygons(np.array([[[low, low], [high, low], [high, high], [low, high]]], dtype=np.float64), np.array([4]))
    lines = Lines(box, terms, keys)
    if len(network.weights) > 1:
        radius = max(abs(low), abs(high))
        lines.cut(network.weights[0], network.biases[0], tolerance(network, 0, radius))
    polygons, snapped = lines.polygons, lines.snapped
    for depth in range(1, len(network.weights) - 1):
        polygons = _cut_by_layer(polygons, network, depth, snapped)
    nothing = np.empty((0, 2))
    return Arrangement(
        polygons, lines.sums[:, : lines.count], lines.names[: lines.count], np.concatenate([nothing, *snapped])
    )


def tolerance(network: Chain, depth: int, radius: float) -> Array:
    """Below what |z| a unit of layer `depth` counts as zero within the box (width,)."""
    h = np.full((1, 2), radius)
    gain = max(1.0, abs(float(network.slope)))
    for layer, (weight, bias) in enumerate(zip(network.weights[: depth + 1], network.biases, strict=False)):
        h = (h @ np.abs(weight).T + np.abs(bias)) * (gain if layer < depth else 1.0)
    return np.asarray(_SNAP * h[0])


def _cut_by_layer(polygons: Polygons, network: Chain, depth: int, snapped: list[Array]) -> Polygons:
    """Cut each polygon by the units of a deeper layer that change sign in it.

    Their values are evaluated once a vertex and interpolated from there, so what two neighbours share stays equal.
    """
    cells, units, z = _sign_changes(polygons, network, depth, snapped)
    # The pending cuts of a cell, in order of unit, so that both sides of an edge apply them in the same order.
    order = np.lexsort((units, cells))
    cells, z = cells[order], z[order]
    counts = np.bincount(cells, minlength=len(polygons.sizes))
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    rank = np.arange(len(cells)) - first[cells]
    found, least = [select(polygons, counts == 0)], 0
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
        found.append(_cut_by_pending(polygons.corners[batch], polygons.sizes[batch], pending, snapped))
    return together(found)


def _sign_changes(polygons: Polygons, network: Chain, depth: int, snapped: list[Array]) -> tuple[Array, Array, Array]:
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
        z = h @ weight[block].T + bias[block]
        snapped.append(points[_snap(z, snap[block]).any(axis=1)])
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


def _cut_by_pending(corners: Array, sizes: Array, pending: Array, snapped: list[Array]) -> Polygons:
    """Cut polygons by their own pending units, whose values z (P, K, M) are carried by the corners."""
    for _ in range(pending.shape[2]):
        # The values carried were snapped where they were evaluated; an interpolated one near zero is zero as well.
        z = pending[..., 0].copy()
        snapped.append(corners[_snap(z, _SNAP * np.abs(z).max(axis=1, keepdims=True))])
        cut = crossed(z, sizes)
        kept = np.ones(len(sizes), dtype=bool)
        kept[cut] = False
        whole = np.concatenate([corners, pending[..., 1:]], axis=2)
        halves = split(whole[cut], sizes[cut], z[cut])
        joined = together([Polygons(whole[kept], sizes[kept]), *halves])
        corners, pending, sizes = joined.corners[..., :2], joined.corners[..., 2:], joined.sizes
    return Polygons(corners, sizes)


def _snap(z: Array, small: Array) -> Array:
    """Set the entries of z that rounding cannot tell from 0 to 0, and say which of them were not."""
    close = np.asarray((np.abs(z) <= small) & (z != 0))
    z[close] = 0
    return close
