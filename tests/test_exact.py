"""The exact networks: three evaluations that share no code agree, with equality."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
import torch

from gnref.exact import ExactConditional, ExactNetwork, normalized, off_kinks, square_root

LAYERS = [[((1, -2), 3), ((3, 0), -1), ((-1, 1), 5)], [((2, -1, 1), -3), ((-1, 1, 3), 1)]]
NETWORKS = [off_kinks(LAYERS, ((2, -3), 5), slope) for slope in (0.0, 0.25, -1.0)]
GRID = np.array(list(product(range(-4, 5), repeat=2)), dtype=np.float64)


@pytest.mark.parametrize("network", NETWORKS)
def test_numpy_and_fractions_agree_exactly(network: ExactNetwork) -> None:
    found = network.evaluate(GRID)
    for index, point in enumerate(GRID):
        exact = network.exactly(point.tolist())
        assert exact.score == Fraction(found.score[index])
        assert exact.gradient == tuple(map(Fraction, found.gradient[index].tolist()))
        assert exact.squared_norm == Fraction(found.squared_norm[index])


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_torch_agrees_bitwise_within_the_bit_budget(network: ExactNetwork, dtype: torch.dtype) -> None:
    assert network.significand_bits(4) <= 24
    x = torch.tensor(GRID, dtype=dtype, requires_grad=True)
    score = network.to_torch(dtype)(x)
    (gradient,) = torch.autograd.grad(score.sum(), x)
    exact = network.evaluate(GRID)
    assert score.shape == (81, 1)
    np.testing.assert_array_equal(score[:, 0].detach().double().numpy(), exact.score)
    np.testing.assert_array_equal(gradient.double().numpy(), exact.gradient)


@pytest.mark.parametrize("network", NETWORKS)
def test_no_integer_point_is_on_a_kink(network: ExactNetwork) -> None:
    assert all((z != 0).all() for z in network.pre_activations(GRID))
    assert (network.evaluate(GRID).score != 0).all()


@pytest.mark.parametrize("network", NETWORKS)
def test_pullback_is_the_exact_derivative(network: ExactNetwork) -> None:
    """f is affine and ⟨∇f, w⟩ is affine in one parameter within a region, so a difference quotient is exact."""
    points, alpha = GRID[[0, 17, 40, 66]], np.array([1.0, -2.0, 3.0, 1.0])
    directions = np.array([[1.0, 0.0], [2.0, -1.0], [0.0, 3.0], [-1.0, -1.0]])

    def value(parameters: list[np.ndarray]) -> Fraction:
        layers = [
            tuple((tuple(row.tolist()), bias) for row, bias in zip(w, b.tolist(), strict=True))
            for w, b in zip(parameters[::2], parameters[1::2], strict=True)
        ]
        moved, total = ExactNetwork(tuple(layers[:-1]), layers[-1][0], network.slope), Fraction(0)
        for point, a, w in zip(points.tolist(), alpha.tolist(), directions.tolist(), strict=True):
            piece = moved.exactly(point, pattern=network.exactly(point).pattern)
            total += Fraction(a) * piece.score
            total += sum((Fraction(d) * c for d, c in zip(w, piece.gradient, strict=True)), Fraction(0))
        return total

    parameters = [array for pair in network.matrices() for array in pair]
    base = value(parameters)
    for index, gradient in enumerate(network.pullback(points, alpha, directions)):
        for place in np.ndindex(gradient.shape):
            moved = [array.copy() for array in parameters]
            moved[index][place] += 1
            assert value(moved) - base == Fraction(gradient[place]), (index, place)


def test_conditional_is_the_network_of_its_label() -> None:
    conditional = ExactConditional(NETWORKS[1], ((1, 0), (-2, 3)))
    module = conditional.to_torch()
    for label in (0, 1):
        y = torch.full((81,), label)
        np.testing.assert_array_equal(
            module(torch.from_numpy(GRID), y)[:, 0].detach().numpy(), conditional.at(label).evaluate(GRID).score
        )


def test_repr_pastes_and_scaling_scales() -> None:
    assert eval(repr(NETWORKS[1])) == NETWORKS[1]
    np.testing.assert_array_equal(NETWORKS[1].scaled(-2.0).evaluate(GRID).score, -2 * NETWORKS[1].evaluate(GRID).score)


def test_mistakes_are_refused_in_one_sentence() -> None:
    with pytest.raises(ValueError, match="odd number"):
        off_kinks([[((1,), 2)]], ((1,), 1))
    with pytest.raises(ValueError, match="weights"):
        ExactNetwork(((((1.0,), 0.0),),), ((1.0, 2.0), 0.0))
    with pytest.raises(ValueError, match="not exact"):
        ExactNetwork((), ((2.0**24 + 1,), 0.0)).to_torch(torch.float32)


def test_square_root_and_normalized() -> None:
    assert square_root(Fraction(9, 4)) == Fraction(3, 2)
    assert 0 <= Fraction(2) - square_root(Fraction(2)) ** 2 < Fraction(1, 2**198)
    assert normalized(Fraction(5), Fraction(100)) == Fraction(1, 3)
    assert normalized(Fraction(0), Fraction(0)) == 0
    assert normalized(Fraction(3), Fraction(1), "one") == Fraction(3, 2)
    assert normalized(Fraction(3), Fraction(1), "zero") == 3
