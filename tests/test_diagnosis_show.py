"""What `gnref verify` shows: gradients apart from slopes along a segment, jumps in numbers and in the picture."""

import re

import torch
from torch import nn

from gnref.diagnosis import diagnose, show
from gnref.diagnosis.pictures import pictures_of


def test_norms_slopes_and_jumps_are_told_apart_and_drawn() -> None:
    torch.manual_seed(0)
    discriminator = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 1))
    diagnosis = diagnose(discriminator, torch.randn(6, 6), regions=60)
    told = "\n".join(show.details(diagnosis))
    for report in diagnosis.segments:
        walk = report.walk
        assert walk is not None
        norms, slopes = walk.gradient_norms_normalized(), walk.slopes_normalized()
        # Along the segment f̂ is at most as steep as in the steepest direction.
        assert (slopes <= norms * (1 + 2.0**-40)).all()
        assert f"‖∇f̂‖, in all directions, is at most {norms.max():.6g}" in told
        # What f̂ changes from end to end is slope and jumps; slope is at most the length.
        assert walk.variation() <= report.length * (1 + 2.0**-40)
        assert (walk.jumps() <= walk.jump_bounds() + 2.0**-40).all()
    lead = show.conclusion(diagnosis)
    assert lead[0].startswith("The premises hold")
    assert lead[1].startswith("What to do: ")
    jump = float(re.search(r"less than (\S+) apart", lead[2]).group(1))  # type: ignore[union-attr]
    largest = max(report.walk.largest_jump()[0] for report in diagnosis.segments if report.walk is not None)
    assert abs(jump - largest) <= 0.05 * largest
    assert all(content.startswith(b"\x89PNG") for content in pictures_of(diagnosis).values())
