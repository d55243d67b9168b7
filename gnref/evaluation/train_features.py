"""Trains the shipped extractor: `python -m gnref.evaluation.train_features [FILE]` (about two minutes on one core).

Objective, mean over shapes at 16 and 32 pixels in turn: cross entropy of the class + squared error of (cos, sin) of the
hue. A classifier alone is blind to colour: grey images score as well as real ones in its features. Half of the images
carry noise up to 0.2 of the range, so that features move smoothly as images get worse. FILE.json beside the weights
records this command, the accuracy on held-out images, and the checksum.
"""

import hashlib
import json
import math
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gnref.data.shapes import factors, shapes
from gnref.evaluation.shapes_features import SHIPPED, WIDTH, ShapesFeatures
from gnref.files import write_atomically

STEPS = 1600
BATCH = 128
SIZES = (16, 32)
# Seeds of `shapes`: other than those of training sets (0, 1, ...) and of the protocols' references.
TRAINING_SEED = 9_000_001
HELD_OUT_SEED = 9_000_002
HELD_OUT = 2000


def train(steps: int = STEPS) -> tuple[ShapesFeatures, nn.Linear]:
    """The trained network and the head that reads (cos, sin) of the hue from its features."""
    torch.manual_seed(TRAINING_SEED)
    network, hue_head = ShapesFeatures(), nn.Linear(WIDTH, 2)
    parameters = [*network.parameters(), *hue_head.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    count = BATCH * 128
    labels, hues = _targets(count, TRAINING_SEED)
    images = {size: shapes(count, size, TRAINING_SEED)[0] for size in SIZES}
    for step in range(steps):
        chosen = torch.randint(count, (BATCH,))
        x = images[SIZES[step % len(SIZES)]][chosen].to(torch.float32) / 127.5 - 1
        amount = 0.4 * torch.rand(BATCH, 1, 1, 1) * (torch.rand(BATCH, 1, 1, 1) < 0.5)
        features = network.features((x + amount * torch.randn_like(x)).clamp(-1, 1))
        loss = F.cross_entropy(network.classes(features), labels[chosen]) + F.mse_loss(hue_head(features), hues[chosen])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return network.eval(), hue_head


@torch.no_grad()
def held_out(network: ShapesFeatures, hue_head: nn.Linear, size: int) -> dict[str, float]:
    """Class accuracy and median hue error (degrees) on images of a seed that training never saw."""
    labels, hues = _targets(HELD_OUT, HELD_OUT_SEED)
    features, logits = network(shapes(HELD_OUT, size, HELD_OUT_SEED)[0])
    cosine = F.cosine_similarity(hue_head(features), hues).clamp(-1, 1)
    return {
        "class_accuracy": (logits.argmax(1) == labels).double().mean().item(),
        "median_hue_error_degrees": round(math.degrees(cosine.acos().median().item()), 2),
    }


def main() -> None:
    """Train, save, and print what was recorded."""
    from safetensors.torch import save

    path = Path(sys.argv[1]) if len(sys.argv) > 1 else SHIPPED
    network, hue_head = train()
    weights = save(network.state_dict())
    record = {
        "command": "python -m gnref.evaluation.train_features",
        "steps": STEPS,
        "held_out_images": HELD_OUT,
        "held_out": {f"{size} pixels": held_out(network, hue_head, size) for size in SIZES},
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "sha256": hashlib.sha256(weights).hexdigest(),
        "torch": torch.__version__,
    }
    text = json.dumps(record, indent=2) + "\n"
    write_atomically(path, weights)
    write_atomically(path.with_suffix(".json"), text.encode())
    print(text, end="")


def _targets(count: int, seed: int) -> tuple[Tensor, Tensor]:
    drawn = factors(count, seed)
    angle = 2 * np.pi * drawn.hue
    hues = torch.from_numpy(np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32))
    return torch.from_numpy(drawn.label), hues


if __name__ == "__main__":
    main()
