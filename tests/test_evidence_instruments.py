"""Instruments are judged by damages of known size."""

import pytest
import torch

from gnref.data.points import mixture, ring_centres
from gnref.evidence.instruments import DAMAGES, Reaction, reaction


@pytest.mark.parametrize("damage", DAMAGES)
def test_no_damage_leaves_the_points_or_their_law(damage: str) -> None:
    """An amount of 0 changes no point, but that dropping no mode draws the points anew."""
    harm, amounts = DAMAGES[damage]
    points, _ = mixture(ring_centres(), 200, generator=torch.Generator().manual_seed(0))
    assert amounts[0] == 0
    same = harm(points, 0.0, torch.Generator().manual_seed(1))
    assert {tuple(p) for p in same.tolist()} <= {tuple(p) for p in points.tolist()}


def test_words() -> None:
    """Rising and apart sees; what stays within the scatter of the unharmed is blind; falling is neither."""
    rising = Reaction(((1.0, 1.2), (2.0, 2.1), (3.0, 3.1)))
    overlapping = Reaction(((1.0, 3.05), (2.0, 2.9), (3.0, 3.1)))
    falling = Reaction(((1.0, 1.2), (2.0, 2.1), (1.5, 1.6)))
    constant = Reaction(((1.0, 1.2), (1.1, 1.1), (1.0, 1.2)))
    assert [each.sees for each in (rising, overlapping, falling, constant)] == [True, False, False, False]
    assert [each.blind for each in (rising, overlapping, falling, constant)] == [False, True, False, True]


def test_a_score_that_ignores_the_points_is_blind_to_everything() -> None:
    for damage in DAMAGES:
        assert reaction(lambda points: 1.0, damage, ring_centres(), 0.05, 50, 3).blind


def test_a_dropped_half_leaves_the_other_half() -> None:
    points, _ = mixture(ring_centres(), 400, generator=torch.Generator().manual_seed(0))
    harm, _ = DAMAGES["dropped modes"]
    left = harm(points, 0.45, torch.Generator().manual_seed(1))
    angle = torch.atan2(left[:, 1], left[:, 0]).remainder(2 * torch.pi)
    assert angle.min() >= 0.45 * 2 * torch.pi
