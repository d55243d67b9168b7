"""What generated images are compared with: features of the real images, their Gaussian, and the noise floor."""

import hashlib
import json
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from gnref.data.fingerprint import cache_folder, fingerprint
from gnref.data.images import Images, ImageSet
from gnref.data.shapes import shapes
from gnref.errors import UserError
from gnref.evaluation.features import FeatureSpace
from gnref.evaluation.images import lossy
from gnref.evaluation.protocol import Protocol
from gnref.evaluation.scores import Features, Gaussian, extract, gaussian, scores
from gnref.files import check_outputs, write_atomically

# Seeds of `shapes`: other than those of training sets (0, 1, ...).
REFERENCE_SEED: Final = 8_000_001
SECOND_SAMPLE_SEED: Final = 8_000_002


@dataclass(frozen=True)
class Reference:
    """Real images as one protocol sees them through one feature space."""

    protocol: Protocol
    space: str
    weights: str
    """SHA-256 of the feature weights."""
    data: str
    """`fingerprint` of the images."""
    lossy: bool
    """Whether the images came from JPEG files."""
    features: Tensor | None
    """φ of the real images, (N, d) float32; None where only their mean and covariance are known."""
    gaussian: Gaussian
    floor: dict[str, float]
    """The scores of real images: what a perfect generator would get."""
    floor_sample: str
    """Which real images those are."""


def reference(protocol: Protocol, space: FeatureSpace, real: Images | None, progress: bool = True) -> Reference:
    """The reference of a protocol: from `real` images; None stands for the embedded shapes.

    From the files of a data set it is computed once: later calls read it from the cache (`cache_file`).

    Raises:
        UserError: for other images than the protocol's, a damaged cache, and one that cannot be written.
    """
    if real is None:
        return _of_shapes(protocol, space)
    if real.size != protocol.size:
        raise UserError(f"expected {protocol.data} of {protocol.size} pixels, got {real.size}")
    if len(real) != protocol.real:
        raise UserError(f"expected {protocol.real} {protocol.data} for protocol {protocol.name}, got {len(real)}")
    _check_cache()
    data = fingerprint(real, progress)
    path = cache_file(protocol, space, data)
    if path.exists():
        return load_reference(path, protocol, space, data)
    sample = extract(real, space, protocol.data, progress)
    computed = _from_halves(protocol, space, data, lossy(real), sample)
    try:
        save_reference(path, computed)
    except OSError as error:
        raise _unwritable(error) from None
    return computed


def _check_cache() -> None:
    """Refuse a cache that cannot be written before an hour of features is lost to it."""
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(error) from None
    check_outputs({"the cache file (see GNREF_CACHE)": cache_folder() / "reference"})


def _unwritable(error: OSError) -> UserError:
    return UserError(
        f"the cache {cache_folder()} cannot be written ({error.strerror}): make room or make it writable, or set "
        "GNREF_CACHE to another folder"
    )


def cache_file(protocol: Protocol, space: FeatureSpace, data: str) -> Path:
    """`<protocol>-<key>.safetensors` in the cache; the key is of all that the reference depends on."""
    key = hashlib.sha256(json.dumps([_numbers(protocol), space.name, space.digest, data]).encode()).hexdigest()
    return cache_folder() / f"{protocol.name}-{key[:24]}.safetensors"


def save_reference(path: Path, computed: Reference) -> None:
    """Write a reference with what it depends on, all under one checksum; the file appears whole or not at all."""
    from safetensors.torch import save

    if computed.features is None:
        raise ValueError("save_reference: expected features, got a reference of mean and covariance alone")
    tensors = {
        "features": computed.features.contiguous(),
        "mean": torch.from_numpy(computed.gaussian.mean),
        "covariance": torch.from_numpy(computed.gaussian.covariance),
    }
    metadata = {
        "protocol": computed.protocol.name,
        "numbers": _numbers(computed.protocol),
        "space": computed.space,
        "weights": computed.weights,
        "data": computed.data,
        "lossy": json.dumps(computed.lossy),
        "floor": json.dumps(computed.floor),
        "floor_sample": computed.floor_sample,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, save(tensors, {**metadata, "checksum": _checksum(tensors, metadata)}))


def load_reference(path: Path, protocol: Protocol, space: FeatureSpace, data: str | None = None) -> Reference:
    """Read what `save_reference` wrote.

    Raises:
        UserError: unless it is whole and belongs to this protocol, these feature weights and, if given, this data.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise UserError(
            f"expected reference statistics in {path}, but it is {'no file' if path.exists() else 'absent'}"
        )
    try:
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it has no iterator
    except (SafetensorError, OSError) as failure:
        raise UserError(f"expected reference statistics in {path}, but it does not load: {failure}") from failure
    checksum = metadata.pop("checksum", None)
    expected = {
        "protocol": protocol.name,
        "numbers": _numbers(protocol),
        "space": space.name,
        "weights": space.digest,
        "data": data,
    }
    for key, value in expected.items():
        if value is not None and metadata.get(key) != value:
            raise UserError(
                f"expected reference statistics for {key} {value} in {path}, got {metadata.get(key)}: "
                "delete the file, and it is computed again"
            )
    if checksum != _checksum(tensors, metadata):
        raise UserError(
            f"the reference statistics in {path} do not match their checksum: delete the file, and they are computed "
            "again"
        )
    return Reference(
        protocol,
        space.name,
        space.digest,
        metadata["data"],
        json.loads(metadata["lossy"]),
        tensors["features"],
        Gaussian(tensors["mean"].numpy(), tensors["covariance"].numpy()),
        json.loads(metadata["floor"]),
        metadata["floor_sample"],
    )


def _numbers(protocol: Protocol) -> str:
    """The protocol's settings but for its name and the sources, as JSON."""
    settings = {each.name: getattr(protocol, each.name) for each in fields(protocol) if each.compare}
    return json.dumps({name: value for name, value in settings.items() if name not in ("name", "data", "features")})


@cache
def _of_shapes(protocol: Protocol, space: FeatureSpace) -> Reference:
    samples = []
    for count, seed in ((protocol.real, REFERENCE_SEED), (protocol.generated, SECOND_SAMPLE_SEED)):
        images = ImageSet(shapes(count, protocol.size, seed)[0])
        samples.append(extract(images, space, protocol.data, progress=False))
    real, second = samples
    moments = gaussian(real.values)
    floor = scores(second, real.values, moments, protocol, space)
    data = f"shapes, seed {REFERENCE_SEED}"
    described = f"a second sample of {protocol.generated} {protocol.data}"
    return Reference(protocol, space.name, space.digest, data, False, real.values, moments, floor, described)


def _from_halves(protocol: Protocol, space: FeatureSpace, data: str, compressed: bool, sample: Features) -> Reference:
    """A data set is one sample: its floor is the score of one random half against the other.

    FID is biased by about c / N, so this floor lies above that of the protocol's larger samples.
    """
    order = torch.from_numpy(np.random.RandomState(0).permutation(len(sample.values)))
    halves = order[: len(order) // 2], order[len(order) // 2 :]
    first = Features(sample.values[halves[0]], None if sample.logits is None else sample.logits[halves[0]])
    second = sample.values[halves[1]]
    floor = scores(first, second, gaussian(second), protocol, space)
    described = f"{len(halves[0])} of the {protocol.data} against the other {len(halves[1])}"
    moments = gaussian(sample.values)
    return Reference(protocol, space.name, space.digest, data, compressed, sample.values, moments, floor, described)


def _checksum(tensors: dict[str, Tensor], metadata: dict[str, str]) -> str:
    hashed = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode())
    for name in sorted(tensors):
        described = f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}"
        hashed.update(described.encode() + tensors[name].numpy().tobytes())
    return hashed.hexdigest()
