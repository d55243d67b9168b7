"""What `gnref verify` shows: gradients apart from slopes along a segment, jumps in numbers and in the picture."""

import re

import torch
from torch import nn

from gnref.diagnosis import diagnose, show
from gnref.diagnosis.details import as_columns, segments_table
from gnref.diagnosis.pictures import pictures_of


def test_norms_slopes_and_jumps_are_told_apart_and_drawn() -> None:
    torch.manual_seed(0)
    discriminator = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 1))
    diagnosis = diagnose(discriminator, torch.randn(6, 6), regions=60)
    table = segments_table(diagnosis)
    rows = {row[0]: row[1:-1] for row in table}
    assert rows["segments between samples"] == ["0 to 1", "2 to 3", "4 to 5"]
    for column, report in enumerate(diagnosis.segments):
        walk = report.walk
        assert walk is not None
        norms, slopes = walk.gradient_norms_normalized(), walk.slopes_normalized()
        # Along the segment f̂ is at most as steep as in the steepest direction.
        assert (slopes <= norms * (1 + 2.0**-40)).all()
        assert rows["largest ‖∇f̂‖ inside a region"][column] == f"{norms.max():.4g}"
        assert rows["steepest f̂ along the segment"][column] == f"{slopes.max():.4g}"
        # What f̂ changes from end to end is slope and jumps; slope is at most the length.
        assert walk.variation() <= report.length * (1 + 2.0**-40)
        assert (walk.jumps() <= walk.jump_bounds() + 2.0**-40).all()
        assert max(walk.jumps()) * (1 - 2.0**-40) <= walk.excess() <= walk.jumps().sum() * (1 + 2.0**-40)
        assert rows["c in |Δf̂| ≤ ‖Δx‖ + c"][column] == f"{walk.excess():.3g}"
    lead = show.conclusion(diagnosis)
    assert lead[0].startswith("The premises hold")
    assert lead[1].startswith("What to do: ")
    jump = float(re.search(r"less than (\S+) apart", lead[2]).group(1))  # type: ignore[union-attr]
    largest = max(report.walk.largest_jump()[0] for report in diagnosis.segments if report.walk is not None)
    assert abs(jump - largest) <= 0.05 * largest
    assert all(content.startswith(b"\x89PNG") for content in pictures_of(diagnosis).values())


def test_columns_line_up_although_the_hat_of_f_takes_no_place() -> None:
    assert as_columns([["f̂", "0 to 1", "unit"], ["length", "3", "of x"]]) == [
        "f̂       0 to 1  unit",
        "length       3  of x",
    ]
