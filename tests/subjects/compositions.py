"""What gradient normalization is combined with in training code, and what becomes of value and gradient.

`PYTHONPATH=tests python tests/subjects/compositions.py` writes compositions.md, which the page on adopting shows; a
test compares. Each cell is "right" (equal to double backward of the plain discriminator in float64), or the sentence of
a refusal.
"""

import copy
import io
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations
from torch.utils.checkpoint import checkpoint

import gnref
from gnref.normalization import literal

TABLE = Path(__file__).with_name("compositions.md")
Run = Callable[[str], tuple[Tensor, list[Tensor]]]
"""A method -> f̂ of the six images of `images()` and the gradients of Σ f̂²."""


def discriminator() -> nn.Sequential:
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 4, 3, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(4, 6, 3, 2, 1), nn.ReLU(), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(24, 1)).double()


def images() -> Tensor:
    return torch.randn(6, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def stepped(call: Callable[[Tensor], Tensor], D: nn.Module) -> tuple[Tensor, list[Tensor]]:
    """f̂, and the gradients of Σ f̂² in D's parameters."""
    scores = call(images())
    scores.square().sum().backward()
    return scores.detach(), [p.grad for p in D.parameters()]


def wrapped(change: Callable[[nn.Module], Any] = lambda D: D, around: Callable[[Any], Any] = lambda W: W) -> Run:
    """Something done to D, and something done to the wrapper."""

    def run(method: str) -> tuple[Tensor, list[Tensor]]:
        D = discriminator()
        return stepped(around(gnref.GradientNormalized(change(D), method=method)), D)

    return run


def registered(method: str) -> tuple[Tensor, list[Tensor]]:
    D = discriminator()
    return stepped(gnref.register_gradient_normalization(D, method=method), D)


def compiled_step(method: str) -> tuple[Tensor, list[Tensor]]:
    D = discriminator()
    W = gnref.GradientNormalized(D, method=method)

    @torch.compile(backend="aot_eager")
    def step(x: Tensor) -> Tensor:
        scores = W(x)
        scores.square().sum().backward()
        return scores.detach()

    return step(images()), [p.grad for p in D.parameters()]


def functional_call(method: str) -> tuple[Tensor, list[Tensor]]:
    D = discriminator()
    state = {f"discriminator.{name}": p.detach().clone().requires_grad_() for name, p in D.named_parameters()}
    scores = torch.func.functional_call(gnref.GradientNormalized(D, method=method), state, (images(),))
    scores.square().sum().backward()
    return scores.detach(), [p.grad for p in state.values()]


def func_grad(method: str) -> tuple[Tensor, list[Tensor]]:
    W = gnref.GradientNormalized(discriminator(), method=method)
    state = {name: p.detach() for name, p in W.named_parameters()}
    found = torch.func.grad(lambda s: torch.func.functional_call(W, s, (images(),)).square().sum())(state)
    return W(images()).detach(), list(found.values())


def vmap(W: nn.Module) -> Callable[[Tensor], Tensor]:
    return torch.func.vmap(lambda x: W(x[None])[0])


class Checkpointed(nn.Module):
    """D with its first layers checkpointed."""

    def __init__(self, D: nn.Sequential, reentrant: bool) -> None:
        super().__init__()
        self.D, self.reentrant = D, reentrant

    def forward(self, x: Tensor) -> Tensor:
        return self.D[2:](checkpoint(self.D[:2], x, use_reentrant=self.reentrant))


def hooked(D: nn.Sequential) -> nn.Module:
    D[2].register_full_backward_hook(lambda module, into, out: None)
    return D


def watched(D: nn.Sequential) -> nn.Module:
    D[2].weight.register_hook(lambda gradient: gradient)
    return D


def shared(method: str) -> tuple[Tensor, list[Tensor]]:
    """A layer used twice, against the literal formula."""

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.a, self.b = nn.Linear(192, 192).double(), nn.Linear(192, 1).double()

        def forward(self, x: Tensor) -> Tensor:
            return self.b(torch.relu(self.a(torch.relu(self.a(x.flatten(1))))))

    return against_the_literal(Twice, method)


def against_the_literal(build: Callable[[], nn.Module], method: str) -> tuple[Tensor, list[Tensor]]:
    """Another network's step, moved to where the reference's would be were it right."""
    D, twin = build(), build()
    value, found = stepped(lambda x: gnref.gradient_normalize(D, x, method=method), D)
    expected, theirs = stepped(lambda x: literal(twin, x), twin)
    off = max(float((a - b).norm() / b.norm()) for a, b in zip(found, theirs, strict=True))
    scores, gradients = reference()
    return scores + (value - expected), [g * (1 + off) for g in gradients]


def normed(norm: Callable[[nn.Module], nn.Module], act: type[nn.Module] = nn.ReLU) -> Run:
    def build() -> nn.Module:
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), norm(nn.Linear(192, 8)), act(), norm(nn.Linear(8, 1))).double()

    def run(method: str) -> tuple[Tensor, list[Tensor]]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the older norms are deprecated
            return against_the_literal(build, method)

    return run


def quantized(method: str) -> tuple[Tensor, list[Tensor]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # quantization is moving to another package
        Q = torch.ao.quantization.quantize_dynamic(discriminator().float(), {nn.Linear}, dtype=torch.qint8)
    return stepped(lambda x: gnref.gradient_normalize(Q, x.float(), method=method), Q)


def used(D: nn.Module) -> nn.Module:
    """A deep copy made after a step. Its parameters are not D's, so D takes over theirs."""
    W = gnref.GradientNormalized(D)
    W(images()).sum().backward()
    twin = copy.deepcopy(W).discriminator
    for mine, theirs in zip(D.modules(), twin.modules(), strict=True):
        for name in list(mine._parameters):
            setattr(theirs, name, getattr(mine, name))
    D.zero_grad()
    return twin


def pickled(method: str) -> tuple[Tensor, list[Tensor]]:
    W = pickle.loads(pickle.dumps(gnref.GradientNormalized(discriminator(), method=method)))
    return stepped(W, W)


def saved(method: str) -> tuple[Tensor, list[Tensor]]:
    file = io.BytesIO()
    torch.save(gnref.GradientNormalized(discriminator()).state_dict(), file)
    file.seek(0)
    W = gnref.GradientNormalized(discriminator(), method=method)
    W.load_state_dict(torch.load(file, weights_only=True))
    return stepped(W, W)


def grad_scaled(method: str) -> tuple[Tensor, list[Tensor]]:
    """The scale of 65536 overflows and is halved until it fits; then the unscaled gradient is the plain one."""
    D = discriminator().float()
    W = gnref.GradientNormalized(D, method=method)
    scaler, optimizer = torch.amp.GradScaler("cpu"), torch.optim.SGD(D.parameters(), 0.0)
    for _ in range(16):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.float16):
            scores = W(images().float())
        scaler.scale(scores.square().sum()).backward()
        scaler.unscale_(optimizer)
        finite = all(bool(p.grad.isfinite().all()) for p in D.parameters())
        scaler.step(optimizer)
        scaler.update()
        if finite:
            break
    return scores.detach().double(), [p.grad.double() for p in D.parameters()]


def autocast(dtype: torch.dtype) -> Run:
    def run(method: str) -> tuple[Tensor, list[Tensor]]:
        D = discriminator().float()
        W = gnref.GradientNormalized(D, method=method)
        with torch.autocast("cpu", dtype):
            scores = W(images().float())
        scores.square().sum().backward()
        return scores.detach().double(), [p.grad.double() for p in D.parameters()]

    return run


def exported(W: nn.Module) -> Any:
    return torch.export.export(W, (images(),)).module()


COMPOSITIONS: dict[str, tuple[Run, float]] = {
    "`GradientNormalized(D)`": (wrapped(), 0.0),
    "`register_gradient_normalization(D)`": (registered, 0.0),
    "`torch.compile(GradientNormalized(D))`, run as it is": (
        wrapped(around=lambda W: torch.compile(W, backend="aot_eager")),
        0.0,
    ),
    "`torch.compile` of a step around it": (compiled_step, 0.0),
    "`GradientNormalized(torch.compile(D))`": (wrapped(lambda D: torch.compile(D, backend="aot_eager")), 0.0),
    "`torch.func.functional_call`": (functional_call, 0.0),
    "`torch.func.grad`": (func_grad, 0.0),
    "`torch.func.vmap`": (wrapped(around=vmap), 0.0),
    "checkpointing inside D": (wrapped(lambda D: Checkpointed(D, False)), 0.0),
    "reentrant checkpointing inside D": (wrapped(lambda D: Checkpointed(D, True)), 0.0),
    "checkpointing around the wrapper": (
        wrapped(around=lambda W: lambda x: checkpoint(W, x, use_reentrant=False)),
        0.0,
    ),
    "`DataParallel(GradientNormalized(D))`": (wrapped(around=nn.DataParallel), 0.0),
    "`GradientNormalized(DataParallel(D))`": (wrapped(nn.DataParallel), 0.0),
    "a module's backward hook": (wrapped(hooked), 0.0),
    "a parameter's gradient hook": (wrapped(watched), 0.0),
    "autocast, bfloat16": (autocast(torch.bfloat16), 2.0**-3),
    "autocast, float16": (autocast(torch.float16), 2.0**-6),
    "autocast and GradScaler, once its scale fits": (grad_scaled, 2.0**-6),
    "spectral norm": (normed(parametrizations.spectral_norm), 0.0),
    "older spectral norm": (normed(nn.utils.spectral_norm), 0.0),
    "older spectral norm, Tanh": (normed(nn.utils.spectral_norm, nn.Tanh), 0.0),
    "weight norm": (normed(parametrizations.weight_norm), 0.0),
    "older weight norm": (normed(nn.utils.weight_norm), 0.0),
    "shared weights": (shared, 0.0),
    "quantized D": (quantized, 0.0),
    "`torch.export`": (wrapped(around=exported), 0.0),
    "`torch.jit.trace`": (wrapped(around=lambda W: torch.jit.trace(W, (images(),))), 0.0),
    "pickle": (pickled, 0.0),
    "a checkpoint": (saved, 0.0),
    "deepcopy after a step": (wrapped(used), 0.0),
}
"""Each composition with how far it may be from float64, relatively, beyond 1e-10: the rounding of its precision."""


def reference() -> tuple[Tensor, list[Tensor]]:
    """The plain step by the literal formula."""
    D = discriminator()
    return stepped(lambda x: literal(D, x), D)


def cell(run: Run, precision: float, method: str) -> str:
    """ "right", "wrong", or the sentence of the refusal without its beginning."""
    torch._dynamo.reset()
    value, gradients = reference()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found, theirs = run(method)
    except ValueError as refusal:
        told = str(refusal).removeprefix("gradient_normalize: ").removeprefix('method="replay" is exact for ')
        return "refused: " + told.partition("; use method")[0]
    allowed = 1e-10 + precision
    off = [(found - value).abs().max() / value.abs().max()]
    off += [(a - b).norm() / b.norm() for a, b in zip(theirs, gradients, strict=True)]
    return "right" if all(bool(error <= allowed) for error in off) else "wrong"


def row(name: str) -> str:
    """A composition's line of the table."""
    run, precision = COMPOSITIONS[name]
    double, replayed = (cell(run, precision, method) for method in ("double-backward", "replay"))
    return f"| {name} | {double} | {'the same' if replayed == double != 'right' else replayed} |\n"


def table() -> str:
    """Markdown: a row a composition, a column a method."""
    return "| with | double backward | replay |\n|---|---|---|\n" + "".join(map(row, COMPOSITIONS))


if __name__ == "__main__":
    import logging

    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    TABLE.write_text(table(), encoding="utf-8")
