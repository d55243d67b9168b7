"""The study: does gradient normalization help, against what people use today? Registered in `study.toml`.

python reproductions/study.py --check
python reproductions/study.py --run
python reproductions/study.py --plot
"""

from pathlib import Path

import installed  # noqa: F401 - one sentence where gnref is missing

from gnref.evidence import Artefact, main
from gnref.evidence.simulation import runs_decide
from gnref.evidence.study import RegisteredStudy

ARTEFACT = Artefact("study", "Gradient normalization against other methods", RegisteredStudy(), runs_decide)

if __name__ == "__main__":
    main(ARTEFACT, Path(__file__).parent)
