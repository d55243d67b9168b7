"""Figure 1: activation functions on CIFAR-10. Its bars carry no numbers, so its sentences are judged, over seeds.

python reproductions/figure1.py --check
python reproductions/figure1.py --run --data CIFAR10_FOLDER
"""

from pathlib import Path

import installed  # noqa: F401 - one sentence where gnref is missing

from gnref.evidence import Artefact, main
from gnref.evidence.simulation import seeds_decide
from gnref.evidence.trained import Ordering, Trained

METHODS = {"vanilla": "GAN", "sn": "SN-GAN", "1-gp": "WGAN-GP", "gn": "GN-GAN"}
RELU_BEST = tuple(
    Ordering(
        f"figure1.{method}.relu-below-{other}",
        f"{name}: ReLU beats {other}",
        (f"cifar10-cnn-{method}-relu", f"cifar10-cnn-{method}-{other}"),
    )
    for method, name in METHODS.items()
    for other in ("elu", "softplus", "softplus-20")
)
BETA_HELPS = tuple(
    Ordering(
        f"figure1.{method}.beta",
        f"{name}: Softplus beta 20 beats Softplus",
        (f"cifar10-cnn-{method}-softplus-20", f"cifar10-cnn-{method}-softplus"),
    )
    for method, name in METHODS.items()
)
GN_BEST = tuple(
    Ordering(
        f"figure1.gn-below-{other}",
        f"with ReLU, GN-GAN beats {name}",
        ("cifar10-cnn-gn-relu", f"cifar10-cnn-{other}-relu"),
    )
    for other, name in METHODS.items()
    if other != "gn"
)
ARTEFACT = Artefact(
    "figure1",
    "Figure 1: activation functions, CIFAR-10",
    Trained("figure1", {}, RELU_BEST + BETA_HELPS + GN_BEST),
    seeds_decide,
)

if __name__ == "__main__":
    main(ARTEFACT, Path(__file__).parent)
