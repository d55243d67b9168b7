"""`python -m gnref.vectors [FOLDER]` writes the golden vectors, by default where the package keeps them."""

import sys
from pathlib import Path

from gnref.errors import UserError, one_sentence
from gnref.files import check_outputs
from gnref.vectors import FOLDER, write

if __name__ == "__main__":
    with one_sentence("gnref.vectors"):
        if len(sys.argv) > 2:
            raise UserError(f"expected one folder, got {' '.join(sys.argv[1:])}")
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
        check_outputs({}, {"the folder": folder})
        if not folder.is_dir():
            raise UserError(f"there is no folder {folder}; make it first")
        for path in write(folder):
            print(f"{path} ({path.stat().st_size:,} bytes)")
