"""What gradient normalization makes of one affine piece of f along a line, and of the kink between two."""

from typing import TYPE_CHECKING, Any

import numpy as np

from gnref.certificates.chain import Array, square_root


class Pieces:
    """f along a line of a given length: K affine pieces in the order of t, each with its own ‖∇f‖.

    Mixed into a certificate that has, by piece, start and end in t, f_start, f_end, norms ‖∇f‖ and slopes df/dt, all
    (K,), and the `length` ‖q - p‖ of the line; floats or Fractions.
    """

    if TYPE_CHECKING:  # fields in one certificate, properties in the other

        @property
        def start(self) -> Array:
            """t (K,) where each piece begins, in [0, 1]."""

        @property
        def end(self) -> Array:
            """t (K,) where each piece ends."""

        @property
        def f_start(self) -> Array:
            """f (K,) where each piece begins."""

        @property
        def f_end(self) -> Array:
            """f (K,) where each piece ends."""

        @property
        def norms(self) -> Array:
            """‖∇f‖ (K,)."""

        @property
        def slopes(self) -> Array:
            """df/dt (K,)."""

        @property
        def length(self) -> Any:
            """‖q - p‖."""

    @property
    def joined(self) -> Array:
        """Which pieces (K - 1,) the next one follows with nothing between: all of them, where nothing is left out."""
        return np.ones(len(self.slopes) - 1, dtype=bool)

    def normalized(self) -> Array:
        """f̂ (K, 2) at the start and the end of each piece, as limits from inside it; 0 where f = ‖∇f‖ = 0."""
        return normalized(np.stack([self.f_start, self.f_end], axis=1), self.norms[:, None])

    def slopes_normalized(self) -> Array:
        """max |df̂/dt| / ‖q - p‖ (K,) along the line, over each closed piece: g|s| / (g + min|f|)² by length."""
        g, nearest = self.norms, smallest(self.f_start, self.f_end)
        return np.asarray(ratio(g * np.abs(self.slopes), (g + nearest) ** 2) / self.length)

    def gradient_norms_normalized(self) -> Array:
        """max ‖∇f̂‖ (K,) over each closed piece, in all directions: (g / (g + min|f|))² ≤ 1 [GN, Eq. 14]."""
        g, nearest = self.norms, smallest(self.f_start, self.f_end)
        return np.asarray(ratio(g, g + nearest) ** 2)

    def variation(self) -> Any:
        """Σ |f̂_end - f̂_start| over the pieces: what f̂ changes by slope, at most ‖q - p‖, for f̂ is monotone in each."""
        ends = self.normalized()
        return np.abs(ends[:, 1] - ends[:, 0]).sum()

    def excess(self) -> Any:
        """The smallest c with |f̂(x) - f̂(y)| ≤ ‖x - y‖ + c for all x and y of the line: 0 where f̂ is 1-Lipschitz on it.

        At least the largest jump, at most their sum. f̂ is monotone in each piece and no steeper than 1, so the extremes
        of ±(f̂(y) - f̂(x)) - ‖y - x‖ lie at ends of pieces.
        """
        at = np.stack([self.start, self.end], axis=1).ravel() * self.length
        values = self.normalized().ravel()
        most = [(v - at - np.minimum.accumulate(v - at)).max() for v in (values, -values)]
        return max(most)

    def jumps(self) -> Array:
        """J (K - 1,) = |f| |g₊ - g₋| / ((g₊ + |f|)(g₋ + |f|)), what f̂ leaps at each kink; 0 where none was seen."""
        return np.where(self.joined, leap(self.f_start[1:], self.norms[:-1], self.norms[1:]), 0 * self.norms[1:])

    def jump_bounds(self) -> Array:
        """tanh(|log g₊ - log g₋|/4) (K - 1,), the most that f̂ can leap at each kink, whatever f is there."""
        bounds = largest_leap(self.norms[:-1], self.norms[1:])
        return np.where(self.joined, bounds, 0 * self.norms[1:])


def normalized(f: Array, g: Array) -> Array:
    """f̂ = f / (g + |f|), and 0 where f = g = 0 [GN, Eq. 11]; arrays that broadcast, of floats or of Fractions."""
    return ratio(f, g + np.abs(f))


def smallest(f_start: Array, f_end: Array) -> Array:
    """min |f| of closed pieces on which f runs affinely from f_start to f_end: 0 where it changes sign."""
    crosses = np.sign(f_start) * np.sign(f_end) <= 0
    return np.where(crosses, 0 * f_start, np.minimum(np.abs(f_start), np.abs(f_end)))


def leap(f: Array, g_before: Array, g_after: Array) -> Array:
    """J = |f| |g₊ - g₋| / ((g₊ + |f|)(g₋ + |f|)): how far f̂ jumps at a kink with value f; 0 where f = 0."""
    f = np.abs(f)
    return ratio(f * np.abs(g_after - g_before), (g_after + f) * (g_before + f))


def largest_leap(g_before: Array, g_after: Array) -> Array:
    """max over f of J = |√g₊ - √g₋| / (√g₊ + √g₋) = tanh(|log g₊/g₋|/4), at |f| = √(g₊g₋); 1 where one g is 0.

    Where g₊ or g₋ is 0, J = g/(g + |f|) rises to 1 as f falls to 0 and never gets there. 0 where both are 0.
    """
    before, after = square_root(g_before), square_root(g_after)
    return ratio(np.abs(after - before), after + before)


def ratio(above: Array, below: Array) -> Array:
    """above / below, and 0 where both are 0."""
    return np.asarray(above / np.where(below == 0, below + 1, below))
