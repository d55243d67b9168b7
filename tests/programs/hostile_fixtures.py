"""Files that nobody should have to have: what hostile command lines and calls are thrown at."""

import json
import os
import pickle
import socket
import stat
import struct
import zipfile
from collections.abc import Mapping
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from gnref.data.images import ImageSet
from gnref.data.shapes import shapes
from gnref.training.cadence import Cadence
from gnref.training.experiments import EXPERIMENTS
from gnref.training.train import train

SMALL = ("width=1", "latent=4", "batch=4", "generator_batch=4", "n_dis=1")
EXPERIMENT = "shapes16-cnn-gn"
"""The experiment that the whole run is of."""


def make(folder: Path) -> None:
    """Everything, in `folder`."""
    folder.mkdir(parents=True)
    _images(folder)
    _arrays(folder)
    _weights(folder)
    _modules(folder / "modules")
    _no_files(folder)
    _runs(folder)
    for name in ("cache", "home", "empty"):
        (folder / name).mkdir()


def _image(path: Path, size: int = 16, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = shapes(1, size, seed=sum(path.name.encode()))[0][0]
    Image.fromarray(picture.permute(1, 2, 0).numpy()).save(path, **options)
    return path


def _images(folder: Path) -> None:
    for number in range(8):
        _image(folder / "images" / f"{number}.png")
        _image(folder / "classes" / "ab"[number % 2] / f"{number}.png")
    kinds = (
        "broken",
        "zero",
        "pipe",
        "link",
        "tiff",
        "size",
        "oblong",
        "text",
        "cmyk",
        "alpha",
        "grey16",
        "bomb",
        "one",
    )
    for kind in kinds:
        _image(folder / f"images-{kind}" / "0.png")
    bad = {kind: folder / f"images-{kind}" / "1.png" for kind in kinds if kind != "one"}
    bad["broken"].write_bytes(_image(bad["broken"]).read_bytes()[:100])
    bad["zero"].touch()
    os.mkfifo(bad["pipe"])
    bad["link"].symlink_to("nowhere.png")
    _image(bad["tiff"].with_suffix(".tiff"))
    _image(bad["size"], 24)
    Image.new("RGB", (16, 8)).save(bad["oblong"])
    bad["text"].write_text("<html>404</html>")
    Image.new("CMYK", (16, 16)).save(bad["cmyk"], "JPEG")
    Image.new("RGBA", (16, 16)).save(bad["alpha"])
    Image.fromarray(np.zeros((16, 16), np.uint16)).save(bad["grey16"])
    content = bytearray(_image(bad["bomb"]).read_bytes())
    content[16:24] = struct.pack(">II", 50_000, 50_000)
    bad["bomb"].write_bytes(content)
    (folder / "images-loop" / "a").mkdir(parents=True)
    _image(folder / "images-loop" / "0.png")
    (folder / "images-loop" / "a" / "again").symlink_to(folder / "images-loop")


def _arrays(folder: Path) -> None:
    images = shapes(2000, 16, seed=3)[0]
    np.savez(folder / "good.npz", images.numpy())
    real = images.numpy() / 255
    arrays = {
        "few": images[:3].numpy(),
        "objects": np.array([{}, {}]),
        "texts": np.array(["a", "b"]),
        "complex": real.astype(np.complex64),
        "integers": images.numpy().astype(np.int64),
        "unit": real,
        "bytes-as-floats": real * 255,
        "nan": np.full((2000, 3, 16, 16), np.nan, np.float32),
        "rank": images[0].numpy(),
        "none": images[:0].numpy(),
        "grey": images[:, :1].numpy(),
    }
    for name, array in arrays.items():
        np.savez(folder / f"{name}.npz", array)
    np.savez(folder / "two.npz", a=images[:2].numpy(), b=images[:2].numpy())
    (folder / "zero.npz").touch()
    (folder / "text.npz").write_text("PK but no zip")
    (folder / "truncated.npz").write_bytes((folder / "good.npz").read_bytes()[:5000])
    os.mkfifo(folder / "pipe.npz")
    header = BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (10**10, 3, 16, 16)})
    with zipfile.ZipFile(folder / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("images.npy", header.getvalue() + bytes(10**6))
    with zipfile.ZipFile(folder / "no-array.npz", "w") as file:
        file.writestr("images.npy", b"no header")


def _weights(folder: Path) -> None:
    save_file({"0.weight": torch.zeros(2, 2)}, folder / "foreign.safetensors")
    (folder / "zero.safetensors").touch()
    (folder / "text.safetensors").write_text("no weights")
    (folder / "header.safetensors").write_bytes(b"\xff" * 8 + b"{}")
    (folder / "json.safetensors").write_bytes(struct.pack("<Q", 2) + b"[]")
    os.mkfifo(folder / "pipe.safetensors")


def _no_files(folder: Path) -> None:
    """What outputs must not replace; a device of our own, where that is allowed, so that no other is tried."""
    (folder / "folder").mkdir()
    (folder / "target").write_text("kept")
    (folder / "link").symlink_to(folder / "target")
    os.mkfifo(folder / "pipe")
    here = Path.cwd()
    os.chdir(folder)
    socket.socket(socket.AF_UNIX).bind("socket")
    os.chdir(here)
    try:
        os.mknod(folder / "device", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    except OSError:
        os.mkfifo(folder / "device")


_DISCRIMINATOR = """
from torch import nn

class D(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(768, 4), nn.ReLU(), nn.Linear(4, 1))
    def forward(self, x{labels}):
        {forward}
        return self.layers(x)

def build():
    {build}
    return D()

def normalize(discriminator, x, *args, **kwargs):
    {forward}
    return discriminator(x, *args, **kwargs)
"""
ENDINGS = {
    "exits": "import sys; sys.exit(0)",
    "leaves": "import os; os._exit(0)",
    "killed": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "crashes": "import ctypes; ctypes.string_at(0)",
    "interrupts": "raise KeyboardInterrupt",
    "raises": "raise ValueError('first line\\\\nsecond line')",
    "asserts": "raise AssertionError",
    "base": "raise BaseException('of no kind')",
    "recurses": "f = lambda: f(); f()",
    "imports": "import no_such_module",
    "divides": "1 / 0",
    "memory": "raise MemoryError",
    "stops": "raise StopIteration",
    "disk": "raise OSError(28, 'No space left on device')",
}
"""How a module of the user's can end: at its import, when D is built, or when it is called."""


def _modules(folder: Path) -> None:
    folder.mkdir()
    bodies = {"labels": "", "forward": "pass", "build": "pass"}
    (folder / "good.py").write_text(_DISCRIMINATOR.format(**bodies))
    (folder / "conditional.py").write_text(_DISCRIMINATOR.format(**{**bodies, "labels": ", y"}))
    (folder / "syntax.py").write_text("def build(:\n")
    (folder / "nothing.py").write_text("build = lambda: None\nnumber = 5\nnormalize = 7\n")
    (folder / "asks.py").write_text("def build(size): pass\ndef normalize(): pass\n")
    (folder / "bytes.py").write_bytes(b"\xff\xfe\0\0")
    for name, ending in ENDINGS.items():
        (folder / f"import_{name}.py").write_text(f"{ending}\n")
        (folder / f"build_{name}.py").write_text(_DISCRIMINATOR.format(**{**bodies, "build": ending}))
        (folder / f"call_{name}.py").write_text(_DISCRIMINATOR.format(**{**bodies, "forward": ending}))
    for name, value in {
        "nan": "x.sum() * float('nan')",
        "text": "'score'",
        "empty": "x[:0]",
        "scalar": "x.sum()",
    }.items():
        (folder / f"returns_{name}.py").write_text(_DISCRIMINATOR.format(**{**bodies, "forward": f"return {value}"}))


class _Attack:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch attacked",)


def _runs(folder: Path) -> None:
    e = EXPERIMENTS[EXPERIMENT].changed(**{key: int(value) for key, value in (s.split("=") for s in SMALL)}, steps=2)
    train(e, ImageSet(*shapes(40, 16)), folder / "run", cadence=Cadence(checkpoint_every=1))
    whole = json.loads((folder / "run" / "experiment.json").read_text())
    descriptions: dict[str, Any] = {
        "empty": {},
        "list": [],
        "null": None,
        "no-experiment": {**whole, "experiment": None},
        "no-generator": {key: value for key, value in whole.items() if key != "generator"},
        "other-class": {**whole, "generator": {"class": "os.system", "arguments": {}}},
        "other-network": {**whole, "generator": {"class": "MLP", "arguments": {}}},
        "other-arguments": {**whole, "generator": {"class": "CNNGenerator", "arguments": {"size": -1}}},
        "huge": {**whole, "generator": {"class": "CNNGenerator", "arguments": {"size": 16, "width": 10**7}}},
        "unknown-argument": {**whole, "generator": {"class": "CNNGenerator", "arguments": {"depth": 3}}},
        "text-arguments": {**whole, "generator": {"class": "CNNGenerator", "arguments": "size"}},
        "unknown-setting": {**whole, "experiment": {**whole["experiment"], "momentum": 1}},
        "wrong-setting": {**whole, "experiment": {**whole["experiment"], "steps": "many"}},
        "score-ema": {**whole, "experiment": {**whole["experiment"], "score_ema": "perhaps"}},
    }
    for name, description in descriptions.items():
        _copy(folder, name, description)
    for name, text in {"broken": "{", "zero": "", "bytes": "\udcff"}.items():
        path = _copy(folder, name, {}) / "experiment.json"
        path.write_bytes(text.encode(errors="surrogateescape"))
    states: dict[str, Any] = {
        "forged-empty": {},
        "forged-list": [1, 2],
        "forged-step": {"step": "one", "best": None},
        "forged-best": {"step": 1, "best": 7, "generator": {}, "average": {}},
        "forged-weights": {"step": 1, "best": None, "generator": {"a": torch.zeros(2)}, "average": 3},
    }
    for name, state in states.items():
        content = BytesIO()
        torch.save(state, content)
        _checkpoint(_copy(folder, name, whole), content.getvalue())
    _checkpoint(_copy(folder, "forged-pickle", whole), pickle.dumps(_Attack()))
    _checkpoint(_copy(folder, "forged-zero", whole), b"")
    damaged = _checkpoint(_copy(folder, "damaged", whole), b"content")
    damaged.write_bytes(b"another")
    no_checkpoint = _copy(folder, "no-checkpoint", whole)
    for path in (no_checkpoint / "checkpoints").iterdir():
        path.unlink()
    for name, text in {"broken": "{", "number": "5\n", "no-step": "{}\n", "step": '{"step": "one"}\n'}.items():
        (_copy(folder, f"metrics-{name}", whole) / "metrics.jsonl").write_text(text)
    place = folder / "run-locked-folder"
    _copy(folder, "locked-folder", whole)
    (place / "lock").mkdir()
    place = folder / "run-file-for-checkpoints"
    place.mkdir()
    (place / "experiment.json").write_text(json.dumps(whole))
    (place / "checkpoints").write_text("a file")


def _copy(folder: Path, name: str, description: Mapping[str, Any] | list[Any] | None) -> Path:
    """The whole run under another name and with another description."""
    place = folder / f"run-{name}"
    (place / "checkpoints").mkdir(parents=True)
    for file in (
        "experiment.json",
        "metrics.jsonl",
        *(f"checkpoints/{p.name}" for p in (folder / "run" / "checkpoints").iterdir()),
    ):
        (place / file).write_bytes((folder / "run" / file).read_bytes())
    (place / "experiment.json").write_text(json.dumps(description))
    return place


def _checkpoint(run: Path, content: bytes) -> Path:
    """The only checkpoint of a run: any content under the name that its checksum asks for."""
    for path in (run / "checkpoints").iterdir():
        path.unlink()
    path = run / "checkpoints" / f"step-00000001.{sha256(content).hexdigest()[:16]}.pt"
    path.write_bytes(content)
    return path
