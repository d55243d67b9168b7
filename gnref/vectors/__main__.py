"""`python -m gnref.vectors [FOLDER]` writes the golden vectors, by default where the package keeps them."""

import sys
from pathlib import Path

from gnref.vectors import FOLDER, write

if __name__ == "__main__":
    for path in write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER):
        print(f"{path} ({path.stat().st_size:,} bytes)")
