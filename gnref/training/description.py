"""What `experiment.json` holds of a run: enough to run it again, and to know what made it, also where that changed."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

import gnref
from gnref.data.fingerprint import fingerprint
from gnref.data.images import ImageFiles, Images, ImageSet
from gnref.errors import UserError
from gnref.provenance import commit
from gnref.training.experiment import Experiment
from gnref.training.objectives import generator_spec


def description(e: Experiment, **facts: Any) -> dict[str, Any]:
    """The versions, the code's commit where it runs from a checkout, the experiment, its generator; and `facts`."""
    return {
        "gnref": gnref.__version__,
        "commit": commit(Path(gnref.__file__).parent),
        "torch": str(torch.__version__),
        "experiment": e.settings(),
        "sources": dict(e.sources),
        "generator": generator_spec(e),
        **facts,
    }


def data_facts(images: Images, folder: str | None, progress: bool = False) -> dict[str, Any]:
    """Where the data are, how many, and the SHA-256 of their labels and of all pixels, or of all files they come from.

    Files are read once, and again where one has changed (`gnref.data.fingerprint`); whether the images fit into memory
    makes no difference.
    """
    hashed = hashlib.sha256(b"" if images.labels is None else images.labels.cpu().numpy().tobytes())
    if isinstance(images, ImageFiles | ImageSet) and images.files:
        hashed.update(fingerprint(images, progress).encode())
    else:
        for part in torch.split(torch.arange(len(images)), 1000):
            hashed.update(images.fetch(part).cpu().numpy().tobytes())
    return {"folder": folder, "images": len(images), "size": images.size, "sha256": hashed.hexdigest()}


def continued(
    before: Mapping[str, Any], now: Mapping[str, Any], step: int, admit_changes: bool, where: Path
) -> dict[str, Any]:
    """The description of a run that goes on at `step`: `now`, with what differed before under "history".

    Raises: UserError where data, versions or device are others than before, so that the run would not be what it was
        begun as, unless `admit_changes`. What an older description does not say counts as the same.
    """
    old, new = _decisive(before), _decisive(now)
    changed = [what for what in new if old[what] is not None and old[what] != new[what]]
    if changed and not admit_changes:
        told = "; ".join(f"{what}: {old[what]} then, {new[what]} now" for what in changed)
        raise UserError(
            f"{where} would not go on as it began: {told}; go on with what it had, name another folder, or admit it "
            "with --admit-changes"
        )
    history = list(before.get("history", []))
    tracked = ("gnref", "commit", "torch", "data", "device")
    if any(before.get(key) != now.get(key) for key in tracked):
        history.append({"until": step, **{key: before[key] for key in tracked if key in before}})
    return {**now, "history": history} if history else dict(now)


def _decisive(described: Mapping[str, Any]) -> dict[str, str | None]:
    """What decides the weights besides the experiment and its seed; None where the description does not say."""
    data = described.get("data")
    digest = data.get("sha256") if isinstance(data, Mapping) else None
    return {
        "data": None if digest is None else f"{data['images']} images with SHA-256 {str(digest)[:16]}",  # type: ignore[index]
        "PyTorch": described.get("torch"),
        "gnref": described.get("gnref"),
        "device": described.get("device"),
    }
