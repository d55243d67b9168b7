"""Table 4: conditional CIFAR-10, BigGAN with gradient normalization and with consistency regularization.

python reproductions/table4.py --check
python reproductions/table4.py --run --data CIFAR10_FOLDER
"""

from pathlib import Path

import installed  # noqa: F401 - one sentence where gnref is missing

from gnref.evidence import Artefact, main
from gnref.evidence.simulation import sessions_decide
from gnref.evidence.trained import Ordering, Trained

ROWS = {"gn-biggan": "cifar10-biggan-gn", "gn-biggan-cr": "cifar10-biggan-gn-cr"}
ORDER = Ordering(
    "table4.order",
    "GN-BigGAN-CR beats GN-BigGAN beats BigGAN-CR",
    ("cifar10-biggan-gn-cr", "cifar10-biggan-gn", "cifar10-biggan-cr"),
    score="fid_test",
)
ARTEFACT = Artefact(
    "table4", "Table 4: conditional image generation on CIFAR-10", Trained("table4", ROWS, (ORDER,)), sessions_decide
)

if __name__ == "__main__":
    main(ARTEFACT, Path(__file__).parent)
