"""What the study found, as Markdown: every regime's arms with their medians and costs, and its verdicts.

python reproductions/findings.py
"""

import sys
from pathlib import Path

import installed  # noqa: F401 - one sentence where gnref is missing

from gnref.errors import UserError
from gnref.evidence import Options
from gnref.evidence.study_page import page

if __name__ == "__main__":
    try:
        print(page(Options(Path(__file__).parent)))
    except UserError as mistake:
        sys.exit(f"findings: {mistake}")
