"""What `gnref verify` is asked for besides the discriminator."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gnref.errors import UserError
from gnref.files import check_outputs


@dataclass(frozen=True)
class VerifyArguments:
    """On which images, how thoroughly, and what is written; the defaults are the command's."""

    images: Path | None = None
    """A folder of images; by default images that gnref draws."""
    weights: Path | None = None
    """A .safetensors file of its state dict."""
    image_size: int = 32
    """Pixels along a side."""
    range: tuple[float, float] = (-1.0, 1.0)
    """What black and white become."""
    labels: tuple[int, ...] = ()
    """Classes for a conditional discriminator, one for all images or one each; by default the sub-folders."""
    reduce: Literal["mean"] | None = None
    """mean normalizes the mean of a dense score map, as gradient_normalize's reduce does."""
    regions: int | None = None
    """Linear regions to certify along three segments between images; by default 2000, fewer for a large
    discriminator."""
    quick: bool = False
    """Look at 8 images and 12 regions: the premises, in a quarter to two thirds of the time."""
    json: Path | None = None
    """Write the report to this file as well."""
    html: Path | None = None
    """Write it as a page, with its pictures."""
    plot: Path | None = None
    """Write pictures into this folder."""

    def check(self) -> None:
        """What can be refused before the discriminator is imported: UserError for outputs and numbers."""
        check_outputs({"--json": self.json, "--html": self.html}, {"--plot": self.plot})
        if self.weights is not None and not self.weights.is_file():  # a pipe would be waited for
            raise UserError(f"--weights {self.weights}: there is no such file; name a .safetensors file")
        if self.regions is not None and not 3 <= self.regions <= 10**9:
            raise UserError(f"--regions: expected from 3 to 10^9, got {self.regions}")
        if wrong := [label for label in self.labels if not 0 <= label < 2**31]:
            raise UserError(f"--labels: expected classes from 0 to 2^31 - 1, got {wrong[0]}")
