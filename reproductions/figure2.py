"""Figure 2: GN against GN_1 (ζ = 1) and GN_0 (ζ = 0) on CIFAR-10. Its bars carry no numbers: sentences are judged.

python reproductions/figure2.py --check
python reproductions/figure2.py --run --data CIFAR10_FOLDER
"""

from pathlib import Path

import installed  # noqa: F401 - one sentence where gnref is missing

from gnref.evidence import Artefact, main
from gnref.evidence.simulation import seeds_decide
from gnref.evidence.trained import Ordering, Trained

ORDERS = tuple(
    Ordering(
        f"figure2.{network}.gn-below-{other}",
        f"{network}: GN beats {label}",
        (f"cifar10-{network}-gn", f"cifar10-{network}-{other}"),
    )
    for network in ("cnn", "resnet")
    for other, label in (("gn1", "GN_1"), ("gn0", "GN_0"))
)
ARTEFACT = Artefact(
    "figure2", "Figure 2: variants of gradient normalization, CIFAR-10", Trained("figure2", {}, ORDERS), seeds_decide
)

if __name__ == "__main__":
    main(ARTEFACT, Path(__file__).parent)
