"""Table 5: CelebA-HQ at 128 and 256 pixels, LSUN church at 256; FID of GN and of spectral normalization.

    python reproductions/table5.py --check
    python reproductions/table5.py --run --cell table5.church256 --data LSUN_FOLDER

The appendix prints no deviation here: the relative one of Tables 2 and 4 is assumed.
"""

from pathlib import Path

import installed  # noqa: F401 - one sentence where gnref is missing

from gnref.evidence import Artefact, main
from gnref.evidence.simulation import sessions_decide
from gnref.evidence.trained import Ordering, Trained

ROWS = {
    "celebahq128.gn": "celebahq-128-resnet-gn",
    "celebahq256.gn": "celebahq-256-resnet-gn",
    "celebahq256.sn": "celebahq-256-resnet-sn",
    "church256.gn": "lsun-church-256-resnet-gn",
    "church256.sn": "lsun-church-256-resnet-sn",
}
ORDERS = tuple(
    Ordering(f"table5.{row}.order", f"{data}: GN beats SN", (f"{name}-gn", f"{name}-sn"), score="fid")
    for row, data, name in (
        ("celebahq256", "CelebA-HQ 256", "celebahq-256-resnet"),
        ("church256", "LSUN church 256", "lsun-church-256-resnet"),
    )
)
ARTEFACT = Artefact(
    "table5", "Table 5: CelebA-HQ and LSUN church outdoor", Trained("table5", ROWS, ORDERS), sessions_decide
)

if __name__ == "__main__":
    main(ARTEFACT, Path(__file__).parent)
