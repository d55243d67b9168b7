"""Cut a square by the lines of a first layer, and carry along what a region's units that are on add up to."""

import numpy as np

from gnref.certificates.chain import Array
from gnref.certificates.polygons import Polygons, crossed, split, used, widened


class Lines:
    """The regions of F = `count` polygons, and for each the sum of the `terms` of the units that are on in it.

    terms (units, T): what a unit adds where it is on (z > 0). A sum over the units that are on, and no difference of
    sums, so that it is exactly 0 where no unit is on.
    """

    def __init__(self, box: Polygons, terms: Array, keys: Array) -> None:
        self.count = 0
        self.corners, self.sizes = np.empty((1024, box.corners.shape[1], 2)), np.empty(1024, dtype=np.int64)
        self.centre = np.empty((3, 1024))
        """The enclosing circle of each polygon: x, y, radius."""
        self.sums, self.names = np.zeros((terms.shape[1], 1024)), np.zeros(1024, dtype=np.int64)
        self.snapped: list[Array] = []
        """Corners (n, 2) that lie nearer to a line than rounding can tell and were taken to lie on it."""
        self._terms, self._keys = terms, keys
        self._append(box, self.sums[:, :1], self.names[:1])

    @property
    def polygons(self) -> Polygons:
        """The regions found so far."""
        return Polygons(self.corners[: self.count].copy(), self.sizes[: self.count].copy())

    def cut(self, weight: Array, bias: Array, snap: Array) -> None:
        """Cut by every line weight·(x, y) + bias = 0. Only polygons whose circle a line meets are looked at."""
        norms = np.hypot(weight[:, 0], weight[:, 1])
        for unit, ((a, b), c, norm, small) in enumerate(zip(weight, bias, norms, snap, strict=True)):
            x, y, reach = self.centre[:, : self.count]
            distance = a * x + b * y + c
            on = distance > 0
            near = np.nonzero(np.abs(distance) <= norm * reach * (1 + 1e-9) + small)[0]
            corners, sizes = self.corners[near], self.sizes[near]
            z = a * corners[..., 0] + b * corners[..., 1] + c
            close = np.abs(z) <= small
            if close.any():
                inside = close & (z != 0) & used(sizes, z.shape[1])
                self.snapped.append(corners[inside])
                z[close] = 0
            # Padding repeats the first corner, so a polygon on one side of the line has no corner on the other.
            on[near] = z.max(axis=1, initial=0) > 0
            cut = crossed(z, sizes)
            where = near[cut]
            if len(where):
                above, below = split(corners[cut], sizes[cut], z[cut])
                sums, names = self.sums[:, where], self.names[where]
                self._replace(where, above)
                self._append(below, sums, names)
                # The new ones lie below: off.
                on = np.concatenate([on, np.zeros(len(where), dtype=bool)])
            for row, term in zip(self.sums, self._terms[unit], strict=True):
                np.add(row[: self.count], term, out=row[: self.count], where=on)
            np.bitwise_xor(self.names[: self.count], self._keys[unit], out=self.names[: self.count], where=on)

    def _append(self, polygons: Polygons, sums: Array, names: Array) -> None:
        where = np.arange(self.count, self.count + len(polygons.sizes))
        while len(self.sizes) < self.count + len(where):
            self.corners, self.sizes, self.names = (
                np.concatenate([old, np.empty_like(old)]) for old in (self.corners, self.sizes, self.names)
            )
            self.centre, self.sums = (
                np.concatenate([old, np.empty_like(old)], axis=1) for old in (self.centre, self.sums)
            )
        self.count += len(where)
        self.sums[:, where], self.names[where] = sums, names
        self._replace(where, polygons)

    def _replace(self, where: Array, polygons: Polygons) -> None:
        width = max(self.corners.shape[1], polygons.corners.shape[1])
        self.corners = widened(self.corners, width)
        corners = widened(polygons.corners, width)
        self.corners[where], self.sizes[where] = corners, polygons.sizes
        middle = corners.mean(axis=1)
        radius = np.sqrt(((corners - middle[:, None]) ** 2).sum(axis=2).max(axis=1))
        self.centre[:, where] = np.concatenate([middle.T, radius[None]])
