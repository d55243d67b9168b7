"""Evaluation protocols as data: how many generated images against which real ones, with the source of every number."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from gnref.errors import UserError

Dataset = Literal["cifar10", "cifar10-test", "stl10", "celebahq", "lsun-church", "shapes"]


@dataclass(frozen=True)
class Protocol:
    """What a score means: scores are comparable only within one protocol, for FID is biased by about c / N."""

    name: str
    dataset: Dataset
    """The real images."""
    data: str
    """The same in words."""
    size: int
    """Height and width in pixels."""
    generated: int
    """Number of generated images."""
    real: int
    """Number of real images."""
    splits: int | None
    """Parts that the Inception Score is averaged over; None where the source reports no Inception Score."""
    kid_subsets: int
    kid_subset_size: int
    features: str
    """The feature space if the user names none: "inception" or "shapes"."""
    sources: Mapping[str, str] = field(compare=False)
    """Field -> where its number comes from; one entry for every number above."""

    def __str__(self) -> str:
        return f"{self.name} ({self.generated} generated against {self.real} {self.data})"


_APPENDIX_C: Final = "[GN, appendix C]"
_KID: Final = {
    "kid_subsets": "torch-fidelity's default; [GN] reports no KID",
    "kid_subset_size": "torch-fidelity's default; [GN] reports no KID",
}


def _published(
    name: str,
    dataset: Dataset,
    data: str,
    size: int,
    generated: int,
    real: int,
    splits: int | None = None,
    /,
    **sources: str,
) -> Protocol:
    given = {"generated": _APPENDIX_C, "real": _APPENDIX_C, "splits": _APPENDIX_C, **_KID, **sources}
    return Protocol(name, dataset, data, size, generated, real, splits, 100, 1000, "inception", given)


def _shapes(name: str, size: int) -> Protocol:
    ours = "ours: seconds on one core; a second real sample then scores an FID of about 0.1"
    numbers = ("size", "generated", "real", "splits", "kid_subsets", "kid_subset_size")
    return Protocol(
        name, "shapes", "embedded shapes", size, 2000, 2000, 10, 20, 500, "shapes", dict.fromkeys(numbers, ours)
    )


_CIFAR10_SIZE: Final = "the data set"
_STL10_SIZE: Final = "48, as in SN-GAN (Miyato et al. 2018); [GN] does not state the resize"
_TABLE_5: Final = "[GN, Table 5] names the resolution"

PROTOCOLS: Final[Mapping[str, Protocol]] = {
    protocol.name: protocol
    for protocol in (
        _published("cifar10-train", "cifar10", "CIFAR-10 training images", 32, 50_000, 50_000, 10, size=_CIFAR10_SIZE),
        _published("cifar10-test", "cifar10-test", "CIFAR-10 test images", 32, 10_000, 10_000, size=_CIFAR10_SIZE),
        _published("stl10-50k", "stl10", "STL-10 unlabeled images", 48, 50_000, 100_000, 10, size=_STL10_SIZE),
        _published("stl10-10k", "stl10", "STL-10 unlabeled images", 48, 10_000, 100_000, size=_STL10_SIZE),
        _published("celebahq-128", "celebahq", "CelebA-HQ images", 128, 30_000, 30_000, size=_TABLE_5),
        _published("celebahq-256", "celebahq", "CelebA-HQ images", 256, 30_000, 30_000, size=_TABLE_5),
        _published(
            "celebahq-1024",
            "celebahq",
            "CelebA-HQ images",
            1024,
            50_000,
            30_000,
            size="[GN, appendix D], progressive growing",
            generated="[GN, appendix D], progressive growing",
            real="[GN, appendix D], progressive growing",
        ),
        _published(
            "lsun-church",
            "lsun-church",
            "LSUN church outdoor training images",
            256,
            50_000,
            126_227,
            size=_TABLE_5,
            real="the count of the data set, which [GN, appendix C] rounds to 126k",
        ),
        _shapes("shapes", 32),
        _shapes("shapes-16", 16),
    )
}


def protocol_named(name: str) -> Protocol:
    """The protocol of that name, or a UserError with the names there are."""
    if name not in PROTOCOLS:
        raise UserError(f"expected a protocol among {', '.join(PROTOCOLS)}, got {name!r}")
    return PROTOCOLS[name]
