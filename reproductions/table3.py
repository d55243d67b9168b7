"""Table 3: the augmentation for consistency regularization, as a picture and as a distribution.

    python reproductions/table3.py --run --plot --check

One image with every pixel marked is augmented 50,000 times; the flips and shifts are read back from the pixels.
Printed are a flip with probability 0.5 and a shift by 0.2 of the image size; that the shift is uniform over whole
pixels, and that vacated pixels are black, is the original configuration's reading. Each count is tested against its
distribution at 0.1 %.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import installed  # noqa: F401 - one sentence where gnref is missing
import torch
from scipy.special import chdtrc
from torch import Tensor

from gnref.data.augment import consistency_augmentation
from gnref.data.shapes import shapes
from gnref.evidence import Artefact, Finding, Job, Line, Options, Verdict, main

SIZE, DRAWS, CHUNK, ALPHA = 32, 50_000, 10_000, 0.001


@dataclass(frozen=True)
class Augmentation:
    """Table 3's run, lines and picture."""

    judges_images: ClassVar[bool] = False

    def jobs(self, options: Options) -> list[Job]:
        """One run."""
        settings = {"size": SIZE, "draws": DRAWS, **options.published.setting("augmentation")}
        lines = ("table3.flip", "table3.shift", "table3.largest", "table3.independent")
        return [Job("table3", "paper", 0, settings, measure, lines)]

    def lines(self, options: Options) -> list[Line]:
        """The share of flips, the shifts' distribution and their bound."""
        (job,) = self.jobs(options)
        record = job.record(options)
        printed = options.published.setting("augmentation")
        if record is None:
            missing = Finding(Verdict.NOT_RUN, "no evidence; python reproductions/table3.py --run makes it in seconds")
            return [Line(name, name, "", "", missing) for name in job.serves]
        found, rests_on = record.scores, (record.id,)
        bound = int(printed["shift_fraction"] * SIZE)
        rows = [
            ("table3.flip", "RandomHorizontalFlipping", f"p={printed['flip_probability']}", "flip_share", "flip_p"),
            ("table3.shift", "RandomPixelShifting, uniform", "", "shift_cells", "shift_p"),
            ("table3.independent", "flip and shift independent", "", "joint_cells", "joint_p"),
        ]
        lines = [
            Line(id, label, text, f"{found[shown]:.4g}", _by_p(found[p]), rests_on)
            for id, label, text, shown, p in rows
        ]
        exact = found["largest_shift"] == bound and found["unexplained"] == 0
        largest = Finding(
            Verdict.REPRODUCED if exact else Verdict.NOT_REPRODUCED,
            f"the largest shift is {found['largest_shift']:.0f} pixels of {SIZE}, expected {bound}; "
            f"{found['unexplained']:.0f} of {DRAWS:,} images are no flip and shift of the original",
        )
        text = f"{printed['shift_fraction']}×size"
        lines.append(
            Line("table3.largest", "largest shift", text, f"{found['largest_shift']:.0f} px", largest, rests_on)
        )
        return lines

    def plot(self, options: Options) -> Path:
        """Eight shapes and seven augmentations of each."""
        from PIL import Image

        images = shapes(8, SIZE, seed=0)[0].float() / 127.5 - 1
        draws = torch.Generator().manual_seed(0)
        rows = [images] + [consistency_augmentation(images, draws) for _ in range(7)]
        grid = torch.cat([torch.cat(list(row), dim=2) for row in rows], dim=1)
        pixels = ((grid + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy()
        path = options.results / "table3.png"
        Image.fromarray(pixels).resize((grid.shape[2] * 3, grid.shape[1] * 3), Image.Resampling.NEAREST).save(path)
        return path


def _by_p(p: float | None) -> Finding:
    if p is None:
        return Finding(Verdict.NOT_REPRODUCED, "the images are no augmentations of the original")
    word = Verdict.REPRODUCED if p >= ALPHA else Verdict.NOT_REPRODUCED
    return Finding(word, f"chi-square p = {p:.3g} over {DRAWS:,} draws, tested at {ALPHA}")


def measure(options: Options) -> Mapping[str, float | None]:
    """Count flips and shifts of an image whose every pixel tells where it was."""
    draws = torch.Generator().manual_seed(0)
    bound = int(options.published.setting("augmentation")["shift_fraction"] * SIZE)
    marked = torch.arange(3 * SIZE * SIZE, dtype=torch.float32).view(1, 3, SIZE, SIZE) + 1
    counts: Counter[tuple[int, int, int]] = Counter()
    unexplained = 0
    for _ in range(DRAWS // CHUNK):
        for image in consistency_augmentation(marked.expand(CHUNK, -1, -1, -1), draws):
            seen = read_back(image)
            counts.update([seen] if seen else [])
            unexplained += seen is None
    shifts = range(-bound, bound + 1)
    flips = [sum(n for (flip, _, _), n in counts.items() if flip == f) for f in (0, 1)]
    cells = [sum(counts[f, dx, dy] for f in (0, 1)) for dx in shifts for dy in shifts]
    joint = [counts[f, dx, dy] for f in (0, 1) for dx in shifts for dy in shifts]
    return {
        "flip_share": flips[1] / DRAWS,
        "flip_p": chi_square(flips),
        "shift_cells": float(sum(n > 0 for n in cells)),
        "shift_p": chi_square(cells),
        "joint_cells": float(sum(n > 0 for n in joint)),
        "joint_p": chi_square(joint),
        "largest_shift": float(max((max(abs(dx), abs(dy)) for _, dx, dy in counts), default=0)),
        "unexplained": float(unexplained),
    }


def read_back(image: Tensor) -> tuple[int, int, int] | None:
    """(flipped, dx, dy) of an augmentation of the marked image, or None where it is none; -1 marks vacated pixels."""
    centre = int(image[0, SIZE // 2, SIZE // 2]) - 1
    row, column = divmod(centre, SIZE)
    flipped = int(image[0, SIZE // 2, SIZE // 2 + 1] < image[0, SIZE // 2, SIZE // 2])
    dx = SIZE // 2 - (SIZE - 1 - column if flipped else column)
    dy = SIZE // 2 - row
    rows, columns = torch.arange(SIZE) - dy, torch.arange(SIZE) - dx
    inside = ((rows >= 0) & (rows < SIZE))[:, None] & ((columns >= 0) & (columns < SIZE))[None, :]
    source = SIZE - 1 - columns if flipped else columns
    planes = torch.arange(3).view(3, 1, 1) * SIZE * SIZE + 1
    expected = torch.where(inside, planes + (rows[:, None] * SIZE + source[None, :]), -1)
    return (flipped, dx, dy) if torch.equal(image, expected.float()) else None


def chi_square(counts: list[int]) -> float | None:
    """p of "all cells are equally likely"."""
    expected = sum(counts) / len(counts)
    if expected == 0:
        return None
    return float(chdtrc(len(counts) - 1, sum((n - expected) ** 2 for n in counts) / expected))


ARTEFACT = Artefact("table3", "Table 3: augmentation for consistency regularization", Augmentation())

if __name__ == "__main__":
    main(ARTEFACT, Path(__file__).parent)
