"""Golden vectors: gradient normalization's values and gradients as files, for frameworks that cannot run this package.

`vectors.json` and `vectors.safetensors` hold the same numbers; `vectors.schema.json` says what each field is, and
`reader.py` reads and judges them with NumPy alone: copy it. `python -m gnref.vectors` writes them anew.
"""

from gnref.vectors.make import VERSION, vectors
from gnref.vectors.oracle import Vector
from gnref.vectors.write import FOLDER, write

__all__ = ["FOLDER", "VERSION", "Vector", "vectors", "write"]
