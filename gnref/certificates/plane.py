"""Every linear region of a chain network of two inputs inside a square, and the exact extremes of f and f̂ there."""

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from gnref.certificates.arrangement import arrange, tolerance
from gnref.certificates.chain import Array, Chain
from gnref.certificates.checker import Refuted, check_region
from gnref.certificates.pieces import leap, ratio
from gnref.certificates.polygons import Polygons, vertices
from gnref.certificates.resolution import unresolved
from gnref.errors import UserError

_REGIONS_AT_ONCE = 8192


class PlaneWitness(NamedTuple):
    """Where an extreme is: its value, a point there, and the regions it belongs to (one, or the two of an edge)."""

    value: float
    point: tuple[float, float]
    regions: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Plane:
    """f over [low, high]²: F convex regions on each of which it is affine, in float64.

    gradients (F, 2); values f at the corners (F, K); vertices (V, 2) and vertex_values f (V,); of the inner edges,
    edges (E, 2) the two vertices and edge_regions (E, 2) the two regions. `of` checks itself and raises Refuted:
    Euler's V - E + F = 1 with vertices matched bit for bit, areas that add up to the square's, no pattern twice, and
    values of f that neighbours agree on at the vertices they share.

    Everything is computed in float64, but for `check`, which is exact. A region thinner than rounding can tell (2^-42
    of a unit's magnitude in the box) cannot be found: `unresolved` (n, 2) are the vertices where there may be one, and
    extremes are those of all regions only where it is empty (`resolved`).
    """

    network: Chain
    low: float
    high: float
    polygons: Polygons
    gradients: Array
    values: Array
    vertices: Array
    vertex_values: Array
    edges: Array
    edge_regions: Array
    unresolved: Array

    @classmethod
    def of(cls, network: Chain, low: float = -3.0, high: float = 3.0) -> "Plane":
        """Find all regions.

        Raises:
            UserError: the network has not two inputs, or is in fractions, or the box has no inside.
            Refuted: what was found does not fit together, as where a thin region of a large slope was lost.
        """
        if network.dimension != 2 or network.is_exact or not low < high:
            raise UserError(
                f"Plane: expected a float64 network of 2 inputs and low < high, got {network.dimension} inputs"
                f"{' in fractions' if network.is_exact else ''} and [{low}, {high}]"
            )
        width = len(network.biases[0])
        keys = np.random.default_rng(0).integers(2**63, size=width)
        found = arrange(network, low, high, _terms(network), keys)
        polygons, centres = found.polygons, _centres(found.polygons)
        points, of_corner = vertices(polygons)
        edges, edge_regions, edge_count = _edges(of_corner, polygons.sizes)
        if len(network.weights) <= 2:
            (gradients, offsets), names = _of_sums(network, found.sums), found.names
        else:
            gradients, offsets, names = _inside(network, centres, max(abs(low), abs(high)))
        values = (polygons.corners * gradients[:, None]).sum(axis=2) + offsets[:, None]
        used = polygons.used()
        least, largest = np.full(len(points), np.inf), np.full(len(points), -np.inf)
        np.minimum.at(least, of_corner[used], values[used])
        np.maximum.at(largest, of_corner[used], values[used])
        doubtful = unresolved(network, found.snapped, low, high)
        mean = (least + largest) / 2
        plane = cls(network, low, high, polygons, gradients, values, points, mean, edges, edge_regions, doubtful)
        plane._check(edge_count, names, largest - least)
        return plane

    @property
    def resolved(self) -> bool:
        """Whether every region was told apart from its neighbours."""
        return len(self.unresolved) == 0

    def __len__(self) -> int:
        return len(self.gradients)

    @property
    def norms(self) -> Array:
        """‖∇f‖ (F,) in each region."""
        return np.asarray(np.hypot(self.gradients[:, 0], self.gradients[:, 1]))

    def areas(self) -> Array:
        """The area (F,) of each region."""
        x, y = np.moveaxis(self.polygons.corners - self.polygons.corners[:, :1], 2, 0)
        # Padding repeats the first corner, whose triangles have no area.
        return np.asarray((x[:, :-1] * y[:, 1:] - x[:, 1:] * y[:, :-1]).sum(axis=1) / 2)

    def lipschitz_of_score(self) -> PlaneWitness:
        """The largest ‖∇f‖: the exact Lipschitz constant of f in the square, since f is continuous."""
        region = int(np.argmax(self.norms))
        return PlaneWitness(float(self.norms[region]), self._centre(region), (region,))

    def lipschitz(self) -> PlaneWitness:
        """The largest ‖∇f̂‖ = (g / (g + min|f|))² over all closed regions; never above 1 [GN, Eq. 14]. Jumps apart."""
        g, smallest = self.norms, self._smallest_scores()
        slopes = ratio(g, g + smallest) ** 2
        region = int(np.argmax(slopes))
        corner = int(np.argmin(np.abs(self.values[region])))
        x, y = self.polygons.corners[region, corner]
        return PlaneWitness(float(slopes[region]), (float(x), float(y)), (region,))

    def jumps(self) -> Array:
        """sup J (E,) over each inner edge of |f| |g₊ - g₋| / ((g₊ + |f|)(g₋ + |f|)): f̂'s largest leap across it.

        J rises in |f| up to √(g₊ g₋) and falls beyond, so the supremum is at that |f|, or at the end nearest to it.
        """
        low, high = self._edge_scores()
        a, b = self.norms[self.edge_regions].T
        f = np.clip(np.sqrt(a * b), low, high)
        return leap(f, a, b)

    def largest_jump(self) -> PlaneWitness | None:
        """The largest leap of f̂ across an edge, with the middle of the edge; None where there is one region only."""
        jumps = self.jumps()
        if len(jumps) == 0:
            return None
        edge = int(np.argmax(jumps))
        x, y = self.vertices[self.edges[edge]].mean(axis=0)
        first, second = self.edge_regions[edge]
        return PlaneWitness(float(jumps[edge]), (float(x), float(y)), (int(first), int(second)))

    def pattern(self, region: int) -> tuple[tuple[bool, ...], ...]:
        """Which units are on (z > 0) in a region, layer by layer."""
        layers = self.network.preactivations(_centres(self.polygons)[region : region + 1])[:-1]
        return tuple(tuple(bool(on) for on in z[0] > 0) for z in layers)

    def check(self, region: int) -> Fraction:
        """‖∇f‖² of a region exactly, by `checker`, after it has found the region's centre inside it; raises Refuted."""
        layers = [(w.tolist(), b.tolist()) for w, b in zip(self.network.weights, self.network.biases, strict=True)]
        return check_region(layers, self.network.slope, self._centre(region), self.pattern(region))

    def _centre(self, region: int) -> tuple[float, float]:
        x, y = _centres(self.polygons)[region]
        return float(x), float(y)

    def _smallest_scores(self) -> Array:
        crosses = (self.values.min(axis=1) <= 0) & (self.values.max(axis=1) >= 0)
        return np.where(crosses, 0.0, np.abs(self.values).min(axis=1))

    def _edge_scores(self) -> tuple[Array, Array]:
        """The smallest and the largest |f| on each inner edge."""
        ends = self.vertex_values[self.edges]
        smallest = np.where(ends[:, 0] * ends[:, 1] <= 0, 0.0, np.abs(ends).min(axis=1))
        return smallest, np.abs(ends).max(axis=1)

    def _check(self, edge_count: int, names: Array, disagreement: Array) -> None:
        """That the regions fit together, and that f is one function on them."""
        euler = len(self.vertices) - edge_count + len(self)
        missing = abs(self.areas().sum() - (self.high - self.low) ** 2)
        twice = len(names) - len(np.unique(names))
        if euler != 1 or missing > len(self) * 2.0**-50 * (self.high - self.low) ** 2 or twice:
            raise Refuted(
                f"Plane: the regions found do not fit together: V - E + F = {euler} (should be 1), "
                f"area missing {missing:g}, patterns found twice {twice}"
            )
        worst, bound = int(np.argmax(disagreement)), self.rounding()
        if disagreement[worst] > bound:
            x, y = self.vertices[worst]
            raise Refuted(
                f"Plane: the regions that meet at ({x:g}, {y:g}) differ by {disagreement[worst]:.3g} in f there, where "
                f"rounding explains {bound:.2g}: between them lie regions too thin for float64; cut segments across "
                "it in fractions (Segment of network.exact())"
            )

    def rounding(self) -> float:
        """By how much two neighbours may differ in f at a vertex they share, through rounding alone.

        Of f's magnitude in the box, each computes ⟨∇f, x⟩ + offset by Σ (fan-in + 4) roundings with one hidden layer,
        and by three times as many with more, where the offset is f - ⟨∇f, x⟩ at the centre. The vertex is a quotient
        of rounded numbers, up to 8 roundings off each line through it.
        """
        sums = 2 * (1 if len(self.network.weights) <= 2 else 3)
        roundings = sums * sum(w.shape[1] + 4 for w in self.network.weights) + 8
        radius = np.full((1, 2), max(abs(self.low), abs(self.high)))
        return float(roundings * 2.0**-53 * self.network.magnitude(radius)[0])


def _terms(network: Chain) -> Array:
    """What each unit of the only hidden layer adds to ∇f and to f's constant where it is on: (width, 3)."""
    if len(network.weights) != 2:
        return np.zeros((len(network.biases[0]), 0))
    head = network.weights[1][0][:, None] * (1 - network.slope)
    return np.asarray(np.concatenate([head * network.weights[0], head * network.biases[0][:, None]], axis=1))


def _of_sums(network: Chain, sums: Array) -> tuple[Array, Array]:
    """∇f (F, 2) and the offset f - ⟨∇f, x⟩ (F,), from Σ terms of the units that are on; an affine f has no units."""
    if len(network.weights) == 1:
        return network.weights[0], network.biases[0]
    (first, last), (bias, constant) = network.weights, network.biases
    always = network.slope * last[0]
    return sums[:2].T + always @ first, sums[2] + always @ bias + constant[0]


def _centres(polygons: Polygons) -> Array:
    used = polygons.used()
    return np.asarray((polygons.corners * used[..., None]).sum(axis=1) / polygons.sizes[:, None])


def _inside(network: Chain, centres: Array, radius: float) -> tuple[Array, Array, Array]:
    """∇f (F, 2), f - ⟨∇f, x⟩ (F,) and a 64-bit name of the pattern (F,), from points inside the regions."""
    small = [tolerance(network, depth, radius) for depth in range(len(network.weights) - 1)]
    keys = [np.random.default_rng(depth).integers(2**63, size=len(row)) for depth, row in enumerate(small)]
    gradients, scores = np.empty_like(centres), np.empty(len(centres))
    names = np.zeros(len(centres), dtype=np.int64)
    for start in range(0, len(centres), _REGIONS_AT_ONCE):
        block = slice(start, start + _REGIONS_AT_ONCE)
        *hidden, last = network.preactivations(centres[block])
        patterns = [z > row for z, row in zip(hidden, small, strict=True)]
        gradients[block], scores[block] = network.gradients(patterns), last[:, 0]
        for pattern, key in zip(patterns, keys, strict=True):
            names[block] ^= np.bitwise_xor.reduce(np.where(pattern, key, 0), axis=1)
    return gradients, scores - (gradients * centres).sum(axis=1), names


def _edges(of_corner: Array, sizes: Array) -> tuple[Array, Array, int]:
    """Inner edges as (E, 2) vertices and (E, 2) regions, and the number of all edges, those of the square included."""
    region, corner = np.nonzero(of_corner >= 0)
    following = np.where(corner + 1 < sizes[region], corner + 1, 0)
    ends = np.sort(np.stack([of_corner[region, corner], of_corner[region, following]], axis=1), axis=1)
    name = ends[:, 0] * (of_corner.max() + 1) + ends[:, 1]
    order = np.argsort(name, kind="stable")
    name, ends, region = name[order], ends[order], region[order]
    shared = np.nonzero(name[1:] == name[:-1])[0]
    return ends[shared], np.stack([region[shared], region[shared + 1]], axis=1), len(name) - len(shared)
