"""Coupled samples are found on the graph, once for each callable and mode, and everything else is left alone."""

import functools
import gc
import subprocess
import sys
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

import gnref
from gnref import coupling


def points(samples: int = 6) -> Tensor:
    return torch.randn(samples, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


class Smooth(nn.Module):
    """Not piecewise linear, so no graph of it is proved to keep samples apart; `mix` acts on the last features."""

    def __init__(self, mix: Callable[[Tensor], Tensor] = lambda h: h) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body, self.head = nn.Linear(3, 4).double(), nn.Linear(4, 1).double()
        self.mix = mix
        self.register_buffer("passes", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.passes += 1
        return self.head(self.mix(torch.tanh(self.body(x))))


def minibatch_std(h: Tensor) -> Tensor:
    return torch.cat([h[:, 1:], h.std(0).mean().expand(len(h), 1)], 1)


def pairs(h: Tensor) -> Tensor:
    """Each sample of odd number minus the one before it: no score of even number depends on another sample."""
    even = torch.arange(len(h)) % 2 == 0
    return torch.where(even[:, None], h, h - h.roll(1, 0))


MIXING: dict[str, Callable[[Tensor], Tensor]] = {
    "relative to the mean": lambda h: h - h.mean(0),
    "minibatch deviation": minibatch_std,
    "functional batch norm": lambda h: F.batch_norm(h, None, None, training=True),
    "the next sample": lambda h: h + h.roll(1, 0),
    "the sample before, in pairs": pairs,
    "a running sum": lambda h: h.cumsum(0),
    "attention over the batch": lambda h: (h @ h.mT).softmax(-1) @ h,
    "a matrix over the batch": lambda h: torch.ones(len(h), len(h), dtype=h.dtype).tril() @ h,
    "the largest": lambda h: h - h.amax(0),
    "sorted": lambda h: h.sort(0).values,
    "a thousandth of the mean": lambda h: h + 1e-3 * h.mean(0),
}


@pytest.mark.parametrize("samples", [2, 3, 6])
@pytest.mark.parametrize("method", ["auto", "double-backward"])
@pytest.mark.parametrize("name", MIXING)
def test_a_coupling_that_is_no_module_is_refused(name: str, method: Any, samples: int) -> None:
    with pytest.raises(ValueError, match=r"couples the samples of a batch; remove .* or pass coupled=True"):
        gnref.gradient_normalize(Smooth(MIXING[name]), points(samples), method=method)
    admitted = gnref.gradient_normalize(Smooth(MIXING[name]), points(samples), method=method, coupled=True)
    assert admitted.shape == (samples, 1)


@pytest.mark.parametrize("name", MIXING)
def test_it_is_found_without_gradients_too(name: str) -> None:
    with torch.no_grad(), pytest.raises(ValueError, match="couples the samples"):
        gnref.gradient_normalize(Smooth(MIXING[name]), points())


def test_the_operation_and_its_module_are_named() -> None:
    inner = Smooth(lambda h: h)
    inner.head = nn.Sequential(nn.Linear(4, 4), Mean(), nn.Linear(4, 1)).double()
    with pytest.raises(ValueError, match=r"but MeanBackward1 in head\.1 \(Mean\) couples"):
        gnref.gradient_normalize(inner, points())


class Mean(nn.Module):
    def forward(self, h: Tensor) -> Tensor:
        return h - h.mean(0)


class MiniBatchLogger(nn.Module):
    """Couples nothing, whatever its name."""

    def forward(self, h: Tensor) -> Tensor:
        return torch.tanh(h)


def test_a_name_alone_is_no_coupling() -> None:
    D = nn.Sequential(nn.Linear(3, 4), MiniBatchLogger(), nn.Linear(4, 1)).double()
    assert gnref.gradient_normalize(D, points()).shape == (6, 1)


def batch_norm() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 1)).double()


def test_batch_norm_behind_a_method_a_function_or_a_partial() -> None:
    D = batch_norm()
    for subject in (D, D.forward, lambda x: D(x), functools.partial(D), functools.partial(lambda d, x: d(x), D)):
        with pytest.raises(ValueError, match=r"1 \(BatchNorm1d in training mode\)"):
            gnref.gradient_normalize(subject, points())
    D.eval()
    for subject in (D, D.forward, lambda x: D(x), functools.partial(D)):
        gnref.gradient_normalize(subject, points())


def test_a_module_and_a_method_are_refused_before_their_statistics_change() -> None:
    D = batch_norm()
    for subject in (D, D.forward):
        with pytest.raises(ValueError, match="BatchNorm1d"):
            gnref.gradient_normalize(subject, points())
    assert D[1].num_batches_tracked.item() == 0


def test_every_mode_is_looked_at() -> None:
    """Checked in evaluation mode, then a part of it is set to train."""
    D = batch_norm().eval()
    gnref.gradient_normalize(D, points())
    D[1].train()
    with pytest.raises(ValueError, match="BatchNorm1d in training mode"):
        gnref.gradient_normalize(D, points())
    D[1].eval()
    gnref.gradient_normalize(D, points())

    class Moody(Smooth):
        def forward(self, x: Tensor) -> Tensor:
            scores = super().forward(x)
            return scores - scores.mean() if self.training else scores

    moody = Moody().eval()
    gnref.gradient_normalize(moody, points())
    with pytest.raises(ValueError, match="couples the samples"):
        gnref.gradient_normalize(moody.train(), points())


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with every look."""
    found: list[int] = []
    look = coupling._pass

    def counted(*args: Any) -> Tensor:
        found.append(1)
        return look(*args)

    monkeypatch.setattr(coupling, "_pass", counted)
    return found


def test_one_look_for_a_module_and_mode_and_no_forward_pass(looks: list[int]) -> None:
    D = Smooth()
    for _ in range(5):
        gnref.gradient_normalize(D, points()).sum().backward()
    assert len(looks) == 1
    assert D.passes.item() == 5
    D.eval()
    for _ in range(5):
        gnref.gradient_normalize(D, points())
    assert len(looks) == 2
    gnref.gradient_normalize(D.train(), points())
    assert len(looks) == 2


def test_a_method_of_many_modules_is_looked_at_for_each(looks: list[int]) -> None:
    for _ in range(6):
        gnref.gradient_normalize(Smooth().forward, points())
    assert len(looks) == 6


def test_a_function_made_anew_is_looked_at_once_for_the_module_it_names(looks: list[int]) -> None:
    D, other = Smooth(), Smooth()
    for _ in range(5):
        gnref.gradient_normalize(lambda x: D(x), points())
    assert len(looks) == 1
    gnref.gradient_normalize((lambda D: lambda x: D(x))(other), points())
    assert len(looks) == 2


def test_a_function_made_anew_that_names_none_is_looked_at_seldom(looks: list[int]) -> None:
    """At its calls 1, 2, 3, 4, 8 and 16 of 20."""
    weight = torch.ones(3, dtype=torch.float64)
    for _ in range(20):
        gnref.gradient_normalize((lambda w: lambda x: torch.tanh(x @ w))(weight), points())
    assert len(looks) == 6


def test_the_replay_needs_no_look(looks: list[int]) -> None:
    D = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1)).double()
    gnref.gradient_normalize(D, points(), method="replay")
    assert not looks


def test_nothing_is_remembered_of_what_is_gone() -> None:
    before = len(coupling._objects)
    for _ in range(3):
        gnref.gradient_normalize(Smooth(), points())
    gc.collect()
    assert len(coupling._objects) <= before
    D = Smooth()
    for index in range(40):
        D.register_module(f"part{index}", nn.Identity())
        gnref.gradient_normalize(D, points())
    assert len(coupling._objects[D]) <= coupling._MODES


# The exceptions, as documented


def test_a_batch_of_one_and_dead_samples_do_not_count(looks: list[int]) -> None:
    D = Smooth(lambda h: h - h.mean(0))
    gnref.gradient_normalize(D, points(1))
    D.mix = lambda h: F.relu(h - 9) - F.relu(h - 9).mean(0)  # all are dead
    gnref.gradient_normalize(D, points())
    assert len(looks) == 1
    D.mix = lambda h: h - h.mean(0)
    with pytest.raises(ValueError, match="couples the samples"):
        gnref.gradient_normalize(D, points())


def test_what_is_detached_is_not_a_dependence() -> None:
    """f - mean(f) with the mean detached: autograd's ∂f(xᵢ)/∂xⱼ is 0, and that is all that can be seen."""
    assert gnref.gradient_normalize(Smooth(lambda h: h - h.mean(0).detach()), points()).shape == (6, 1)


def test_a_checkpointed_discriminator_is_not_looked_at_for_its_forward_pass_would_run_again() -> None:
    D = Smooth()

    class Checkpointed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = D

        def forward(self, x: Tensor) -> Tensor:
            return checkpoint(self.inner, x, use_reentrant=False)

    subject = Checkpointed()
    found = gnref.gradient_normalize(subject, points(), method="double-backward")
    # One pass, and one for the gradient in x: none for a look.
    assert D.passes.item() == 2
    assert torch.equal(found, gnref.gradient_normalize(D, points(), method="double-backward"))


def test_reentrant_checkpointing_is_refused_by_name() -> None:
    D = Smooth()
    for method in ("auto", "double-backward"):
        with pytest.raises(ValueError, match=r"reentrant checkpointing; pass use_reentrant=False"):
            gnref.gradient_normalize(lambda x: checkpoint(D, x, use_reentrant=True), points(), method=method)


def test_among_several_processes_only_names_are_looked_at(monkeypatch: pytest.MonkeyPatch, looks: list[int]) -> None:
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    gnref.gradient_normalize(Smooth(lambda h: h - h.mean(0)), points())
    assert not looks
    D = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), MiniBatchLogger(), nn.Linear(4, 1)).double()
    with pytest.raises(ValueError, match=r"2 \(MiniBatchLogger\) couples"):
        gnref.gradient_normalize(D, points())


def test_a_look_leaves_nothing_behind() -> None:
    D = Smooth()
    x = points().requires_grad_()
    gnref.gradient_normalize(D, x)
    assert x.grad is None
    assert all(p.grad is None for p in D.parameters())
    assert not nn.modules.module._global_forward_pre_hooks


# What stands beside it


def test_a_discriminator_that_is_normalized_already_is_refused() -> None:
    D = gnref.GradientNormalized(Smooth())
    for subject in (D, D.forward, lambda x: D(x), nn.Sequential(D), lambda x: gnref.gradient_normalize(Smooth(), x)):
        with pytest.raises(ValueError, match="normalized already; normalize the discriminator itself, once"):
            gnref.gradient_normalize(subject, points())
    assert gnref.gradient_normalize(D.discriminator, points()).shape == (6, 1)


def test_an_error_inside_of_the_discriminator_does_not_lock_the_next_call() -> None:
    def broken(x: Tensor) -> Tensor:
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        gnref.gradient_normalize(broken, points())
    gnref.gradient_normalize(Smooth(), points())


def test_a_final_sigmoid_is_warned_about_once() -> None:
    D = nn.Sequential(nn.Linear(3, 1), nn.Sigmoid()).double()
    with pytest.warns(UserWarning, match=r"ends in a sigmoid, .*; take the sigmoid away, as gnref.prepare\(D\) does"):
        gnref.gradient_normalize(D, points())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gnref.gradient_normalize(D, points())
    with pytest.warns(UserWarning, match="sigmoid"):
        gnref.gradient_normalize(lambda x: torch.sigmoid(Smooth()(x)).view(-1, 1).squeeze(1), points())


def test_a_callable_without_weak_references() -> None:
    class Slots:
        __slots__ = ("weight",)

        def __call__(self, x: Tensor) -> Tensor:
            return torch.tanh(x.sum(1))

    assert gnref.gradient_normalize(Slots(), points()).shape == (6,)
    assert gnref.gradient_normalize(types.MethodType(lambda self, x: x.tanh().sum(1), 3), points()).shape == (6,)


# What cannot be differentiated twice


@pytest.mark.filterwarnings("ignore:TF32 acceleration on top of oneDNN")
def test_what_has_no_second_derivative_is_refused_with_a_remedy_that_works() -> None:
    torch.manual_seed(0)
    lstm, attention = nn.LSTM(3, 4, batch_first=True), nn.MultiheadAttention(4, 1, batch_first=True)
    x = torch.randn(5, 6, 3)

    def recurrent(x: Tensor) -> Tensor:
        return lstm(x)[0].sum((1, 2))

    def attending(x: Tensor) -> Tensor:
        h = torch.cat([x, x[..., :1]], 2)
        return attention(h, h, h, need_weights=False)[0].sum((1, 2))

    math = torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH)
    for subject, named, remedied in (
        (recurrent, "MkldnnRnn.*mkldnn.flags", torch.backends.mkldnn.flags(enabled=False)),
        (attending, "ScaledDotProduct.*SDPBackend.MATH", math),
    ):
        with pytest.raises(ValueError, match=f"differentiated twice, but the discriminator has {named}"):
            gnref.gradient_normalize(subject, x)
        with remedied:
            gnref.gradient_normalize(subject, x).sum().backward()


def test_what_made_the_images_may_be_anything() -> None:
    """The generator attends; only D's own operations are looked at."""
    attention, D = nn.MultiheadAttention(4, 1, batch_first=True), Smooth().float()
    z = torch.randn(5, 6, 4)
    made = attention(z, z, z, need_weights=False)[0][:, 0, :3]
    gnref.gradient_normalize(D, made).sum().backward()
    assert attention.in_proj_weight.grad is not None


PROCESSES = """
import torch, gnref
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
torch.distributed.init_process_group("gloo")
rank, mesh = torch.distributed.get_rank(), init_device_mesh("cpu", (2,))

def discriminator():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1)).double()

x = torch.randn(6, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
D = discriminator()
gnref.gradient_normalize(D, x).square().mean().backward()
whole = [p.grad for p in D.parameters()]

def check(module, what):
    module(x[3 * rank : 3 * rank + 3]).square().mean().backward()
    for p, expected in zip(module.parameters(), whole, strict=True):
        found = p.grad.full_tensor() if hasattr(p.grad, "full_tensor") else p.grad
        assert (found - expected).norm() <= 1e-12 * expected.norm(), (what, rank)

for method in ("double-backward", "replay"):
    wrapped = gnref.GradientNormalized(discriminator(), method=method)
    fully_shard(wrapped, mesh=mesh)
    check(wrapped, "FSDP of the wrapper")
    registered = gnref.register_gradient_normalization(discriminator(), method=method)
    fully_shard(registered, mesh=mesh)
    check(registered, "FSDP of a registered D")
    check(nn.parallel.DistributedDataParallel(gnref.GradientNormalized(discriminator(), method=method)), "DDP")
for shard in (lambda D: fully_shard(D, mesh=mesh), lambda D: fully_shard(D[0], mesh=mesh)):
    D = discriminator()
    shard(D)
    try:
        gnref.gradient_normalize(D, x, method="double-backward")
    except ValueError as refusal:
        assert "give fully_shard the normalized discriminator alone" in str(refusal), refusal
    else:
        raise AssertionError("not refused")
torch.distributed.barrier()
del D, wrapped, registered
torch.distributed.destroy_process_group()
"""


@pytest.mark.skipif(
    torch.__version__.startswith("2.6."), reason="fully_shard of PyTorch 2.6 takes no CPU: its streams record no events"
)
def test_two_processes_by_fsdp_and_ddp(tmp_path: Path) -> None:
    """Each has half of the batch; both then hold the whole batch's gradient, or are told which nesting works."""
    script = tmp_path / "sharded.py"
    script.write_text(PROCESSES)
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script)]
    done = subprocess.run(run, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


def test_a_look_costs_one_backward_pass_and_later_calls_cost_none() -> None:
    """Counted in convolutions: two more gradients in the first call, and never a further forward pass."""
    torch.manual_seed(0)
    D = nn.Sequential(nn.Conv2d(3, 4, 3), nn.SiLU(), nn.Conv2d(4, 4, 3), nn.SiLU(), nn.Flatten(), nn.Linear(64, 1))
    x, found = torch.randn(4, 3, 8, 8), []
    for _ in range(3):
        with torch.profiler.profile() as profile:
            gnref.gradient_normalize(D, x).sum().backward()
        names = [event.name for event in profile.events()]
        found.append((names.count("aten::convolution"), names.count("aten::convolution_backward")))
    assert found[1] == found[2] == (found[0][0], found[0][1] - 2)
