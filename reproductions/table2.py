"""Table 2: GN with three losses on CIFAR-10, standard CNN and ResNet.

python reproductions/table2.py --check
python reproductions/table2.py --run --data CIFAR10_FOLDER
"""

from pathlib import Path

import installed  # noqa: F401 - one sentence where gnref is missing

from gnref.evidence import Artefact, main
from gnref.evidence.simulation import sessions_decide
from gnref.evidence.trained import Trained

ROWS = {
    "cnn.hinge": "cifar10-cnn-gn",
    "cnn.ns": "cifar10-cnn-gn-ns",
    "cnn.ns-without-sigmoid": "cifar10-cnn-gn-ns-without-sigmoid",
    "resnet.hinge": "cifar10-resnet-gn",
    "resnet.ns": "cifar10-resnet-gn-ns",
    "resnet.ns-without-sigmoid": "cifar10-resnet-gn-ns-without-sigmoid",
}
ARTEFACT = Artefact(
    "table2", "Table 2: loss functions under gradient normalization, CIFAR-10", Trained("table2", ROWS), sessions_decide
)

if __name__ == "__main__":
    main(ARTEFACT, Path(__file__).parent)
