"""Reverse-mode differentiation in fractions: what the golden vectors are computed with, and nothing is rounded."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction


@dataclass(eq=False, slots=True)
class Number:
    """A number, the numbers it was made of, and its derivative in each of them."""

    value: Fraction
    parents: tuple[tuple["Number", Fraction], ...] = ()


def dot(pairs: Iterable[tuple[Number, Number]]) -> Number:
    """Σ a b."""
    chosen = [(a, b) for a, b in pairs if a.value or b.value or a.parents or b.parents]
    return Number(
        sum((a.value * b.value for a, b in chosen), Fraction(0)),
        tuple(parent for a, b in chosen for parent in ((a, b.value), (b, a.value))),
    )


def total(terms: Iterable[tuple[Fraction, Number]]) -> Number:
    """Σ c a for plain fractions c."""
    chosen = list(terms)
    return Number(sum((c * a.value for c, a in chosen), Fraction(0)), tuple((a, c) for c, a in chosen))


def gradient(of: Number) -> dict[int, Fraction]:
    """The derivative of a number in every number it was made of, by `id`."""
    order: list[Number] = []
    seen: set[int] = set()
    stack = [(of, False)]
    while stack:
        number, done = stack.pop()
        if done:
            order.append(number)
        elif id(number) not in seen:
            seen.add(id(number))
            stack.append((number, True))
            stack.extend((parent, False) for parent, _ in number.parents)
    found = {id(of): Fraction(1)}
    for number in reversed(order):
        slope = found.get(id(number), Fraction(0))
        for parent, partial in number.parents:
            found[id(parent)] = found.get(id(parent), Fraction(0)) + slope * partial
    return found
