"""What the oldest PyTorch that is promised does otherwise: tests of it are skipped there, and say so."""

import pytest
import torch

from gnref.activations import activations

OLDEST = torch.__version__.startswith("2.6.")
"""There `torch.export` refuses what is kept from its compiler in words of its own, and subjects break other laws."""

lets_activations_go = pytest.mark.skipif(
    activations() is None, reason="this PyTorch does not tell whether others' saved-tensor hooks are in force"
)
