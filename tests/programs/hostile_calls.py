"""Hostile calls of public functions, each an expression that has to be refused with a sentence about it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

REFUSALS = (ValueError, TypeError)
"""What a refusal is: UserError is a ValueError; a wrong type may be a TypeError."""


_NAMES = """
import dataclasses
import numpy as np
import torch
from pathlib import Path
from torch import nn
import gnref
from gnref import claims, evaluation, files, losses, penalties, runs
from gnref.conformance import Options
from gnref.data import arrays, batches, cifar10, folder, images, load, lsun, points, shapes, stl10
from gnref.evaluation import PROTOCOLS, evaluate, feature_space
from gnref.training.cadence import Cadence
from gnref.training.execution import Execution
from gnref.training.experiment import from_settings, overridden
from gnref.training.experiments import EXPERIMENTS
from gnref.training.train import train

class Generator(nn.Module):
    def __init__(self, change=lambda x: x, latent=768, classes=None):
        super().__init__()
        self.change, self.latent, self.classes = change, latent, classes
        self.layer = nn.Linear(1, 1)

    def forward(self, z, y=None):
        return self.change(z.view(-1, 3, 16, 16).tanh())

small = dataclasses.replace(PROTOCOLS["shapes-16"], name="small", generated=100, real=100, kid_subset_size=50)
linear = nn.Sequential(nn.Flatten(), nn.Linear(12, 1))
e = EXPERIMENTS["shapes16-cnn-gn"].changed(width=1, latent=4, batch=4, generator_batch=4, steps=2)
data = images.ImageSet(*shapes.shapes(40, 16))
x = torch.zeros(2, 3, 2, 2)
normalize = gnref.gradient_normalize
"""
"""What the expressions may use."""


def names(f: Path) -> dict[str, Any]:
    """The expressions' names, and `f`, the fixtures' folder."""
    known: dict[str, Any] = {"f": f}
    exec(_NAMES, known)
    return known


def calls(f: Path) -> list[str]:
    """All expressions; `f` is the fixtures' folder, and the same name within them."""
    return [*_method(), *_data(f), *_evaluation(f), *_training(f), *_proofs(), *_outputs()]


def _method() -> Iterator[str]:
    bad_inputs = (
        "None", "5", "'x'", "[1.0]", "x.numpy()", "x.long()", "x.bool()", "x.to(torch.complex64)", "torch.zeros(())",
        "torch.zeros(2, 3, 2, 2).to_sparse()",
    )  # fmt: skip
    for bad in bad_inputs:
        yield f"normalize(linear, {bad})"
        yield f"gnref.GradientNormalized(linear)({bad})"
    bad_networks = (
        "None", "5", "'D'", "lambda x: None", "lambda x: 5.0", "lambda x: 'score'", "lambda x: x", "lambda x: x.sum()",
        "lambda x: x.flatten(1)[:1, 0]", "lambda x: x.flatten(1).sum(1).detach()",
        "lambda x: x.flatten(1).sum(1).long()",
         "lambda x: ()", "lambda x: [None]",
        "lambda x: torch.zeros(len(x))",
    )  # fmt: skip
    for bad in bad_networks:
        yield f"normalize({bad}, x)"
        yield f"gnref.normalization_parts({bad}, x)"
    for option in ("zeta='other'", "zeta=2", "reduce='max'", "reduce=5", "method='magic'", "method=0"):
        yield f"normalize(linear, x, {option})"
    for bad in ("None", "5", "'D'", "nn.Linear", "lambda x: x"):
        yield f"gnref.GradientNormalized({bad})"
    yield "gnref.GradientNormalized(gnref.GradientNormalized(linear))(x)"
    for penalty in ("gradient_penalty", "zero_gradient_penalty"):
        yield f"penalties.{penalty}(linear, None)"
    yield "penalties.gradient_penalty(linear, x, x[:1])"
    yield "penalties.consistency(linear, x, x[:1])"

    for loss in (
        "hinge", "wasserstein", "non_saturating", "non_saturating_without_sigmoid", "non_saturating_of_ratio",
        "relativistic",
    ):  # fmt: skip
        for bad in ("None", "'x'", "[0.5]"):
            yield f"losses.{loss}.discriminator(x, {bad})"
            yield f"losses.{loss}.generator({bad})"
    for bad in ("None", "5", "'D'", "nn.Linear", "lambda x: x"):
        yield f"gnref.register_gradient_normalization({bad})"
        yield f"gnref.remove_gradient_normalization({bad})"
        yield f"gnref.prepare({bad})"
    yield "gnref.remove_gradient_normalization(linear)"


def _data(f: Path) -> Iterator[str]:
    for size in ("0", "-1", "7", "10**8", "2.5", "'16'", "None"):
        yield f"shapes.shapes(2, {size})"
        yield f"folder.folder_of_images(f / 'images', {size}).in_memory()"
    for count in ("-1", "10**12", "2.5", "None"):
        yield f"shapes.shapes({count}, 16)"
    for name in (
        "objects",
        "texts",
        "complex",
        "nan",
        "unit",
        "bytes-as-floats",
        "bomb",
        "two",
        "zero",
        "text",
        "pipe",
        "no-array",
    ):
        yield f"arrays.from_npz(f / '{name}.npz', 16)"
    for bad in (
        "None",
        "5",
        "'x'",
        "[[1]]",
        "torch.zeros(2, 3, 16, 16)",
        "torch.zeros(2, 3, 16, 16).long()",
        "np.zeros(3)",
    ):
        yield f"arrays.from_array({bad}, 16)"
    for kind in ("broken", "zero", "pipe", "link", "tiff", "size", "cmyk", "alpha", "grey16", "bomb", "loop"):
        yield f"folder.folder_of_images(f / 'images-{kind}', 16).in_memory()"
    for place in ("empty", "absent", "target", "pipe", "run"):
        for reader in ("cifar10.cifar10", "stl10.stl10", "lsun.lsun"):
            yield f"{reader}(f / '{place}')"
    yield "load.load('cifar10', None, 32)"
    yield "load.load('mnist', f / 'images', 16)"
    yield "load.load('folder', f / 'images', 0)"
    yield "batches.Batches(images.ImageSet(torch.zeros(0, 3, 4, 4, dtype=torch.uint8)), 0)"
    yield "points.mixture(points.ring_centres(), -1)"


def _evaluation(f: Path) -> Iterator[str]:
    for change in (
        "x[: len(x) // 2]", "torch.cat([x, x])", "x[0]", "(x + 1) / 2", "(x + 1) * 127.5", "((x + 1) * 127.5).byte()",
        "x + float('nan')", "x / 0", "x[:, :1]", "x.permute(0, 2, 3, 1)", "(x, x)", "None", "x[:, :, :8, :8]", "5",
    ):  # fmt: skip
        yield f"evaluate(Generator(lambda x: {change}), small)"
    for latent in ("0", "-1", "2.5", "'4'", "None", "True and -5"):
        yield f"evaluate(Generator(latent={latent}), small)"
    yield "evaluate(Generator(classes='ten'), small)"
    yield "evaluate(Generator(classes=-1), small)"
    for bad in (
        "None",
        "5",
        "'path'",
        "nn.Linear(2, 2)",
        "torch.zeros(2, 3, 16, 16)",
        "[1]",
        "f / 'absent'",
        "f / 'pipe'",
        "f / 'images'",
    ):
        yield f"evaluate({bad}, small)"
    for protocol in ("'other'", "None", "5", "''"):
        yield f"evaluate(Generator(), {protocol})"
    for option in (
        "seed=-1",
        "seed=2**40",
        "seed='x'",
        "features='other'",
        "features=5",
        "real='x'",
        "real=5",
        "real=f / 'absent'",
    ):
        yield f"evaluate(Generator(), small, {option})"
    for bad in ("''", "'vgg'", "f / 'zero.safetensors'", "f / 'foreign.safetensors'", "f / 'pipe.safetensors'", "5"):
        yield f"feature_space({bad})"
    for first, second in (
        ("[[0, 0]]", "[[0, 0], [1, 1]]"),
        ("[]", "[]"),
        ("[[float('nan')]]", "[[0]]"),
        ("[0]", "[0]"),
        ("'x'", "'y'"),
    ):
        yield f"evaluation.wasserstein_distance({first}, {second})"
    yield "evaluation.covered_modes([[0, 0]], [[0, 0]], 0)"
    yield "evaluation.covered_modes([[0, 0]], [[0]], 1)"


def _training(f: Path) -> Iterator[str]:
    for name, value in {
        "steps": "0", "batch": "-1", "width": "0", "latent": "2.5", "lr_generator": "float('nan')", "beta1": "1.0",
        "beta2": "-0.1", "epsilon": "float('inf')", "ema_decay": "1.0", "loss": "'other'", "penalty_weight": "-1.0",
        "n_dis": "'five'", "size": "0", "decay": "None", "dataset": "'mnist'", "consistency_weight": "float('nan')",
    }.items():  # fmt: skip
        yield f"e.changed({name}={value})"
    for settings in ("{}", "{'name': 'x'}", "{'momentum': 1}", "None"):
        yield f"from_settings({settings})"
    for word in ("'x'", "'loss=other'", "'steps=nan'"):
        yield f"overridden(e, [{word}])"
    for cadence in ("log_every=0", "checkpoint_every=-1", "keep=0", "score_every=0"):
        yield f"train(e, data, f / 'new', cadence=Cadence({cadence}))"
    for execution in ("accumulate=0", "accumulate=3", "accumulate=-1", "capture='never'", "layout='none'"):
        yield f"train(e, data, f / 'new', execution=Execution({execution}))"
    for folder in ("f / 'target'", "f / 'pipe'", "f / 'device'", "f / 'run-forged-list'", "f / 'run-damaged'"):
        yield f"train(e, data, {folder})"
    yield "train(e, images.ImageSet(torch.zeros(4, 3, 8, 8, dtype=torch.uint8)), f / 'new')"
    yield "train(e, images.ImageSet(torch.zeros(0, 3, 16, 16, dtype=torch.uint8)), f / 'new')"
    for run in sorted(path.name for path in f.glob("run-*") if path.is_dir()):
        if not run.startswith(("run-metrics", "run-locked", "run-unknown-setting", "run-wrong-setting")):
            yield f"runs.load_generator(f / '{run}')"
    yield "runs.load_generator(f / 'run', best=True)"
    yield "runs.load_generator(f / 'absent')"


def _proofs() -> Iterator[str]:
    for name in ("''", "'theorem'", "5", "None"):
        yield f"claims.find({name})"
    for option in (
        "eps=-1.0",
        "eps=float('nan')",
        "limit='0s'",
        "budget='x'",
        "expect=('value',)",
        "device='tpu'",
        "capability=('fast',)",
        "seed=-1",
    ):
        yield f"Options({option}).check()"


def _outputs() -> Iterator[str]:
    for name in ("device", "link", "folder", "pipe", "socket", "nowhere/out", "target/out"):
        yield f"files.check_outputs({{'--json': f / '{name}'}})"
