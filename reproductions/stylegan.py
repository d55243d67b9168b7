"""GN-StyleGAN on CelebA-HQ at 1024 pixels: one FID, 8.65.

    python reproductions/stylegan.py --check
    python reproductions/stylegan.py --run --data CELEBAHQ_FOLDER

The appendix prints neither the number of training images nor what became of the minibatch standard deviation; the
length is StyleGAN's 25 million images, the layer is left out because it makes scores depend on the batch.
"""

from pathlib import Path

import installed  # noqa: F401 - one sentence where gnref is missing

from gnref.evidence import Artefact, main
from gnref.evidence.simulation import sessions_decide
from gnref.evidence.trained import Trained

ARTEFACT = Artefact(
    "stylegan",
    "StyleGAN with gradient normalization",
    Trained("stylegan", {"gn": "celebahq-1024-stylegan-gn"}),
    sessions_decide,
)

if __name__ == "__main__":
    main(ARTEFACT, Path(__file__).parent)
