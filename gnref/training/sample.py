"""`gnref sample`: images of a run's generator."""

import os
from pathlib import Path

from gnref.errors import UserError
from gnref.files import check_outputs


def sample(
    run: Path, /, count: int = 64, out: Path | None = None, seed: int = 0, ema: bool | None = None, best: bool = False
) -> int:
    """Write images of a run's generator: numbered PNGs, and a grid of the first 64.

    Args:
        run: The run folder.
        count: How many.
        out: The folder for them; by default RUN/sampled.
        seed: Draws the latents.
        ema: True is the moving average's, False the raw generator's; by default what the experiment scores.
        best: The checkpoint with the best score instead of the last.
    """
    if not 1 <= count < 2**31:
        raise UserError(f"--count: expected from 1 to 2^31 - 1 images, got {count}")
    if not 0 <= seed < 2**32:
        raise UserError(f"--seed: expected a seed from 0 to 2^32 - 1, got {seed}")
    if out is not None and not out.name:
        raise UserError(f"--out {out}: name a folder; a grid of the first images stands beside it")
    check_outputs({}, {"--out": out})
    # Here and not above: `gnref --help` reads this file and has no use for PyTorch.
    import torch

    from gnref.networks import PointGenerator
    from gnref.runs import load_generator
    from gnref.training.pictures import grid, samples, save_png

    generator = load_generator(run, ema, best, "cuda" if torch.cuda.is_available() else "cpu")
    if isinstance(generator, PointGenerator):
        raise UserError(f"{run}: its generator makes points and no images; `gnref.runs.load_generator` gives it to you")
    out = out or run / "sampled"
    overview = out.with_name(out.name + "-grid.png")
    number, first = 0, []
    try:
        for batch in samples(generator, count, seed):
            if number < 64:
                first.append(batch)
            for image in batch:
                save_png(image, out / f"{number:06d}.png")
                number += 1
        save_png(grid(torch.cat(first)[:64]), overview)
    except OSError as error:
        raise UserError(
            f"{out}: image {number} could not be written ({error.strerror}); make room and run it again"
        ) from None
    print(f"gnref: {count} images in {out}{os.sep}, the first of them in {overview}")
    return 0
