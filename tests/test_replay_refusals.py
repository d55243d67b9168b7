"""What the replay refuses, by module name, and what was once silently wrong in a hasty implementation of it."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import gnref
from gnref import losses
from gnref.exact_modules import Abs


class Doubled(torch.autograd.Function):
    """Linear, but nobody can know that."""

    @staticmethod
    def forward(ctx: Any, h: Tensor) -> Tensor:
        return 2 * h

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> Tensor:
        return 2 * cotangent


class Of(nn.Module):
    """A module that computes one function of its input and its linear layers `a` and `b`."""

    def __init__(self, function: Callable[["Of", Tensor], Tensor], a: int = 4, b: int = 4) -> None:
        super().__init__()
        self.function = function
        self.a, self.b = nn.Linear(4, a), nn.Linear(4, b)

    def forward(self, h: Tensor) -> Tensor:
        return self.function(self, h)


def attention(m: Of, h: Tensor) -> Tensor:
    tokens = h[:, None, :] + h[:, :, None]
    return (F.softmax(tokens @ tokens.mT, -1) @ m.a(tokens)).mean(1)


def through_axis_0(m: Of, h: Tensor) -> Tensor:
    """(N, T, C) run as a sequence (T, N, C)."""
    tokens = (h[:, None, :] + h[:, :, None]).transpose(0, 1)
    return F.relu(m.a(tokens)).transpose(0, 1).mean(1)


# What a module between two linear layers of four units computes, and the operation that is named.
REFUSED: Mapping[str, tuple[Callable[[], nn.Module], str]] = {
    "sigmoid": (nn.Sigmoid, "SigmoidBackward"),
    "tanh": (nn.Tanh, "TanhBackward"),
    "elu": (nn.ELU, "EluBackward"),
    "softplus": (nn.Softplus, "SoftplusBackward"),
    "gelu": (nn.GELU, "GeluBackward"),
    "silu": (nn.SiLU, "SiluBackward"),
    "hardswish": (nn.Hardswish, "HardswishBackward"),
    "layer norm": (lambda: nn.LayerNorm(4), "NativeLayerNormBackward"),
    "group norm": (lambda: nn.GroupNorm(2, 4), "NativeGroupNormBackward"),
    "softmax attention": (lambda: Of(attention), "multiplies two terms|SoftmaxBackward"),
    "a custom function": (lambda: Of(lambda m, h: Doubled.apply(m.a(h))), "DoubledBackward"),
    "a gate": (lambda: Of(lambda m, h: m.a(h) * m.b(h)), "MulBackward0 multiplies two terms"),
    "a ratio": (lambda: Of(lambda m, h: m.a(h) / (1 + m.b(h).abs())), "DivBackward0 multiplies two terms"),
    "a constant over x": (lambda: Of(lambda m, h: 1 / (1 + m.a(h).abs())), "ReciprocalBackward|DivBackward"),
    "a square": (lambda: Of(lambda m, h: m.a(h) ** 2), "PowBackward"),
    "a square root": (lambda: Of(lambda m, h: (1 + m.a(h).abs()).sqrt()), "SqrtBackward"),
    "a norm": (lambda: Of(lambda m, h: h / m.a(h).norm(dim=1, keepdim=True)), "multiplies two|NormBackward"),
    "weights made of x": (
        lambda: Of(lambda m, h: torch.bmm(m.a(h).view(-1, 4, 4), m.b(h)[:, :, None]).flatten(1), a=16),
        "BmmBackward0 multiplies two terms",
    ),
    "a kernel made of x": (
        lambda: Of(lambda m, h: F.conv1d(torch.ones(1, 2, 5), m.a(h).view(-1, 2, 2)).transpose(0, 1).flatten(1)),
        "ConvolutionBackward0|samples along axis 0|TransposeBackward",
    ),
    "a sequence": (lambda: Of(through_axis_0), "TransposeBackward0 does not keep the samples along axis 0"),
    "the batch's mean": (lambda: Of(lambda m, h: h - m.a(h).mean(0)), "MeanBackward1 does not keep the samples"),
    "the batch's running sum": (lambda: Of(lambda m, h: m.a(h).cumsum(0)), "CumsumBackward0 does not keep"),
    "the batch in another order": (lambda: Of(lambda m, h: h + m.a(h).flip(0)), "FlipBackward0 does not keep"),
    "the batch rolled": (lambda: Of(lambda m, h: h + m.a(h).roll(1, 0)), "RollBackward0 does not keep"),
    "everything rolled": (lambda: Of(lambda m, h: h + m.a(h).roll(1)), "does not keep"),
    "the first sample": (lambda: Of(lambda m, h: h + m.a(h)[:1]), "does not keep the samples"),
    "half of the samples": (lambda: Of(lambda m, h: torch.cat([h[:3], m.a(h)[3:]])), "does not keep the samples"),
    "chosen samples": (lambda: Of(lambda m, h: m.a(h)[torch.arange(5, -1, -1)]), "IndexBackward0 does not keep"),
    "sorted over the batch": (lambda: Of(lambda m, h: m.a(h).sort(0).values), "SortBackward0 does not keep"),
    "a matrix over the batch": (lambda: Of(lambda m, h: torch.ones(6, 6).tril() @ m.a(h)), "MmBackward0 does not keep"),
    "the batch's largest": (lambda: Of(lambda m, h: h - m.a(h).amax(0)), "AmaxBackward0 does not keep"),
    "everything's largest": (lambda: Of(lambda m, h: h - m.a(h).max()), "MaxBackward1 does not keep"),
    "a parameter in a concatenation": (
        lambda: Of(lambda m, h: torch.cat([m.a(h)[:, :2], m.b.weight[:2].expand(-1, 4).mT[:, :2].repeat(2, 1)[:6]], 1)),
        "CatBackward0 meets a parameter",
    ),
    "a parameter in a maximum": (lambda: Of(lambda m, h: torch.maximum(h, m.b.bias)), "MaximumBackward0 meets"),
    "a parameter in a clamp": (lambda: Of(lambda m, h: torch.clamp(h, max=m.b.bias)), "ClampBackward. meets"),
    "a parameter where": (lambda: Of(lambda m, h: torch.where(h > 0, h, m.b.bias)), "WhereBackward0 meets"),
    "a recurrence": (lambda: Of(lambda m, h: nn.functional.glu(torch.cat([m.a(h), h], 1))), "GluBackward"),
    "the complex plane": (lambda: Of(lambda m, h: torch.fft.rfft(m.a(h), 6).real[:, :4]), "Backward"),
}


COUPLED = {
    "the batch's mean",
    "the batch's running sum",
    "the batch in another order",
    "the batch rolled",
    "everything rolled",
    "the first sample",
    "chosen samples",
    "sorted over the batch",
    "a matrix over the batch",
    "the batch's largest",
    "everything's largest",
}
"""Those that mix the samples, which no method admits."""


def around(middle: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    for module in middle.modules():
        if isinstance(module, nn.Linear):
            module.reset_parameters()
    layers = {"first": nn.Linear(3, 4), "middle": middle, "last": nn.Linear(4, 1)}
    discriminator = nn.Sequential()
    for name, module in layers.items():
        discriminator.add_module(name, module)
    return discriminator


def points() -> Tensor:
    return torch.randn(6, 3, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_known_to_be_exact_is_refused_by_name(case: str) -> None:
    build, operation = REFUSED[case]
    discriminator = around(build())
    with pytest.raises(ValueError, match=operation) as refusal:
        gnref.gradient_normalize(discriminator, points(), method="replay")
    assert "in middle" in str(refusal.value)
    assert 'use method="auto" or "double-backward"' in str(refusal.value)


@pytest.mark.parametrize("case", [case for case in REFUSED if case not in COUPLED])
def test_and_auto_takes_double_backward_there(case: str) -> None:
    discriminator = around(REFUSED[case][0]())
    auto = gnref.normalization_parts(discriminator, points())
    literal = gnref.gradient_normalize(discriminator, points(), method="double-backward")
    assert auto.method == "double-backward"
    leaves = list(discriminator.parameters())
    mine = torch.autograd.grad(auto.normalized.square().sum(), leaves, allow_unused=True)
    theirs = torch.autograd.grad(literal.square().sum(), leaves, allow_unused=True)
    for a, b in zip(mine, theirs, strict=True):
        assert (a is None and b is None) or torch.equal(a, b)


@pytest.mark.parametrize("case", sorted(COUPLED))
def test_and_what_couples_samples_is_refused_by_every_method(case: str) -> None:
    for method in ("auto", "double-backward"):
        discriminator = around(REFUSED[case][0]())
        with pytest.raises(ValueError, match=r"couples the samples of a batch") as refusal:
            gnref.gradient_normalize(discriminator, points(), method=method)  # type: ignore[arg-type]
        assert "in middle" in str(refusal.value)


def test_a_slope_made_of_x_is_refused() -> None:
    """PReLU's slope can depend on x in a batch of one; its rule is that of a parameter."""
    discriminator = Of(lambda m, h: F.prelu(m.b.weight[:1], m.a(h).flatten()).sum(1))
    with pytest.raises(ValueError, match="PreluKernelBackward0"):
        gnref.gradient_normalize(discriminator, torch.ones(1, 4), method="replay")


# The silent failures of a hasty implementation: each was wrong without a word.

SILENT: Mapping[str, Callable[[], nn.Module]] = {
    "LeakyReLU": lambda: nn.Sequential(nn.Linear(6, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1)),
    "max pooling": lambda: nn.Sequential(
        nn.Unflatten(1, (1, 6)), nn.Conv1d(1, 4, 3), nn.MaxPool1d(2), nn.Flatten(), nn.Linear(8, 1)
    ),
    "abs": lambda: nn.Sequential(nn.Linear(6, 8), Abs(), nn.Linear(8, 1)),
    "an additive constant": lambda: nn.Sequential(Rescaled(), nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1)),
    "spectral norm": lambda: nn.Sequential(
        nn.utils.parametrizations.spectral_norm(nn.Linear(6, 8)), nn.ReLU(), nn.Linear(8, 1)
    ),
    "an embedding": lambda: Conditional(),
    "layers without bias": lambda: nn.Sequential(nn.Linear(6, 8, bias=False), nn.ReLU(), nn.Linear(8, 1, bias=False)),
    "a dead sample": lambda: Dying(),
}


class Rescaled(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * x - 1


class Conditional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.head, self.embedding = nn.Linear(6, 8), nn.Linear(8, 1), nn.Embedding(3, 8)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.body(x))
        return self.head(h) + (self.embedding(torch.arange(len(x)) % 3) * h).sum(1, keepdim=True)


class Dying(nn.Sequential):
    """Every unit is off at the first sample, where ∇f = 0."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1))
        with torch.no_grad():
            self[0].bias.copy_(-(self[0].weight @ torch.ones(6)) - 1)


@pytest.mark.parametrize("zeta", ["abs", "one", "zero"])
@pytest.mark.parametrize("case", SILENT)
def test_a_known_silent_failure(case: str, zeta: Any) -> None:
    """In float64 within 1e-12 of double backward, 2^13 roundings: no sum here has more terms."""
    torch.manual_seed(0)
    discriminator = SILENT[case]().double().eval()
    x = torch.randn(6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x[0] = 1
    found = {}
    for method in ("replay", "double-backward"):
        discriminator.zero_grad()
        scores = gnref.gradient_normalize(discriminator, x, zeta=zeta, method=method)  # type: ignore[arg-type]
        losses.hinge.discriminator(scores[:3], scores[3:]).backward()
        missing = [name for name, p in discriminator.named_parameters() if p.grad is None]
        assert not missing, f"no gradient for {missing}"
        found[method] = torch.cat([p.grad.flatten() for p in discriminator.parameters() if p.grad is not None])
    assert found["replay"].isfinite().all()
    gap = (found["replay"] - found["double-backward"]).norm()
    assert gap <= 1e-12 * found["double-backward"].norm()


DISTRIBUTED = """
import torch, gnref
from torch import nn
from gnref import losses
torch.distributed.init_process_group("gloo")
rank = torch.distributed.get_rank()

def objective():
    torch.manual_seed(0)
    head = nn.utils.parametrizations.spectral_norm(nn.Linear(144, 1))
    body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.LeakyReLU(0.2), nn.Flatten(), head)
    return gnref.GradientNormalized(body.double().eval(), method="replay")

x = torch.randn(8, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
alone = objective()
alone(x).square().mean().backward()
parallel = nn.parallel.DistributedDataParallel(objective())
parallel(x[4 * rank : 4 * rank + 4]).square().mean().backward()
for whole, part in zip(alone.parameters(), parallel.parameters(), strict=True):
    assert (whole.grad - part.grad).norm() <= 1e-12 * whole.grad.norm(), (rank, whole.grad, part.grad)
torch.distributed.barrier()
del parallel  # it holds the group, which goes with its threads
torch.distributed.destroy_process_group()
"""


def test_two_processes_average_their_gradients(tmp_path: Path) -> None:
    """Each process has half of the batch; both then hold the whole batch's gradient."""
    script = tmp_path / "distributed.py"
    script.write_text(DISTRIBUTED)
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script)]
    done = subprocess.run(run, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
