"""The shapes' feature space as an extractor of torch-fidelity, for use with torch-fidelity itself.

    from gnref.evaluation.fidelity_extractor import register
    torch_fidelity.calculate_metrics(feature_extractor=register(), input1=..., input2=..., fid=True)

Importing this module imports torch-fidelity; nothing else in the package imports it.
"""

from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from gnref.evaluation.shapes_features import SHIPPED, load
from gnref.evaluation.torchvision_shim import import_torch_fidelity

torch_fidelity: Any = import_torch_fidelity()
NAME: Final = "gnref-shapes-v1"  # torch-fidelity's cache is keyed by it: new weights, new name


def register() -> str:
    """Make the extractor known to torch-fidelity, once; the name to ask for it by."""
    from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY

    if NAME not in FEATURE_EXTRACTORS_REGISTRY:
        torch_fidelity.register_feature_extractor(NAME, ShapesExtractor)
    return NAME


class ShapesExtractor(torch_fidelity.FeatureExtractorBase):  # type: ignore[misc]
    """`ShapesFeatures` with the layers "96" (features) and "logits"; `feature_extractor_weights_path` as there."""

    def __init__(
        self, name: str, features_list: list[str], feature_extractor_weights_path: str | None = None, **_: object
    ) -> None:
        super().__init__(name, features_list)
        self.network = load(Path(feature_extractor_weights_path or SHIPPED))

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """The requested layers of uint8 images, in the order requested."""
        layers = dict(zip(("96", "logits"), self.network(images), strict=True))
        return tuple(layers[name] for name in self.features_list)

    @staticmethod
    def get_provided_features_list() -> tuple[str, ...]:
        """All layers."""
        return "96", "logits"

    @staticmethod
    def get_default_feature_layer_for_metric(metric: str) -> str:
        """Logits for the Inception Score, features for everything else."""
        return "logits" if metric == "isc" else "96"

    @staticmethod
    def can_be_compiled() -> bool:
        """Compilation saves nothing on a network this small."""
        return False

    @staticmethod
    def get_dummy_input_for_compile() -> Tensor:
        """An input of the right type."""
        return torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
