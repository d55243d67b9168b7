"""Captured steps are the eager ones: compiled, and as a CUDA graph."""

import copy
import os
import shutil
import sysconfig
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gnref import capture
from gnref.data.images import ImageSet
from gnref.data.shapes import shapes
from gnref.errors import UserError
from gnref.measure import Setting
from gnref.measure.stages import distance, gradients
from gnref.training.distributed import Processes
from gnref.training.execution import Execution
from gnref.training.experiment import Experiment
from gnref.training.experiments import EXPERIMENTS
from gnref.training.trainer import Trainer

# The compiler's own use of torch.jit, and under PyTorch 2.6 what it keeps for itself.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.torch.jit.script_method. is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Skipping serialization of skipfiles_inline_module_allowlist:UserWarning"),
]

HEADER = Path(sysconfig.get_path("include")) / "Python.h"
needs_compiler = pytest.mark.skipif(
    shutil.which(os.environ.get("CXX", "g++")) is None or not HEADER.exists(), reason="no C++ compiler here"
)
GPU = pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here"))


def tiny(name: str, rate: float) -> Experiment:
    """One update of D, one of G."""
    rates = {"lr_generator": rate, "lr_discriminator": rate}
    return EXPERIMENTS[name].changed(width=1, latent=4, batch=4, generator_batch=4, n_dis=1, **rates)


STILL = 1e-30
"""A learning rate that changes no weight: what two trainers compute stays comparable, step after step."""


def pair(e: Experiment, how: str, device: str = "cpu") -> list[Trainer]:
    data = ImageSet(*shapes(40, e.size))
    if not e.classes:
        data = ImageSet(data.images)
    alone = Processes(torch.device(device))
    return [Trainer(e, data, 1, alone, Execution(capture=each)) for each in ("eager", how)]


def weights(trainer: Trainer) -> list[torch.Tensor]:
    networks = trainer.generator, trainer.discriminator, trainer.average
    return [value for network in networks for value in network.state_dict().values()]


def order(x: torch.Tensor) -> list[int]:
    """How far the entries of x are apart in memory, along the dimensions that have more than one."""
    return [stride for stride, length in zip(x.stride(), x.shape, strict=True) if length > 1]


def agree(one: Trainer, other: Trainer) -> None:
    """Gradients and buffers are those of the same sums in another order: of at most 4·16·16 terms, 2⁻²⁴ for each."""
    for network in ("generator", "discriminator"):
        a, b = getattr(one, network), getattr(other, network)
        for p in b.parameters():
            assert order(p.grad) == order(p)  # fused optimizers take a gradient's entries as its parameter has them
        gradients = [[p.grad for p in each.parameters()] for each in (a, b)]
        for first, second in (gradients, [list(a.buffers()), list(b.buffers())]):
            if first:
                x, y = (torch.cat([each.double().flatten() for each in tensors]) for tensors in (first, second))
                assert (x - y).norm() <= 1024 * 2**-24 * x.norm()
    assert one.tally.read() == pytest.approx(other.tally.read(), rel=1024 * 2**-24)


@needs_compiler
@pytest.mark.parametrize("name", ["shapes16-cnn-gn-cr", "shapes16-cnn-sn", "shapes16-cnn-1-gp"])
def test_a_compiled_step_is_the_eager_one(name: str) -> None:
    """With batch norm's and spectral norm's buffers: they move once a step, and not by compiling."""
    eager, compiled = pair(tiny(name, STILL), "compiled")
    for _ in range(2):
        eager.step()
        compiled.step()
        agree(eager, compiled)


@needs_compiler
@pytest.mark.parametrize("name", ["shapes16-cnn-gn-cr", "shapes16-cnn-1-gp"])
def test_a_compiled_update_is_the_eager_one(name: str) -> None:
    """Adam's first update without momentum is -α g / (|g| + 1e-8): ±α, to a thousandth where |g| is above 1e-5.

    The sign is sure where |g| is also above the rounding of the whole gradient, as in `agree`.
    """
    rate = 1e-3
    trainers = pair(tiny(name, rate), "compiled")
    before = torch.cat([p.detach().flatten().clone() for p in trainers[0].discriminator.parameters()])
    for trainer in trainers:
        trainer.step()
    eager, compiled = (
        torch.cat([p.detach().flatten() for p in trainer.discriminator.parameters()]) - before for trainer in trainers
    )
    g = torch.cat([p.grad.flatten() for p in trainers[0].discriminator.parameters()])
    sure = (g.abs() > 1e-5) & (g.abs() > 1024 * 2**-24 * g.norm())
    assert sure.float().mean() > 0.9
    rounding = 2 * 2**-24 * before.abs().max()  # of the weights before and after
    assert (eager - compiled)[sure].abs().max() <= 1e-3 * rate + rounding


@needs_compiler
def test_a_compiled_run_that_is_resumed_equals_one_that_is_not_to_the_bit() -> None:
    e = tiny("shapes16-cnn-gn-cr", 1e-3).changed(n_dis=2)
    data, execution = ImageSet(shapes(40, e.size)[0]), Execution(capture="compiled")
    whole, first, second = (Trainer(e, data, execution=execution) for _ in range(3))
    for _ in range(3):
        whole.step()
    first.step()
    second.restore(copy.deepcopy(first.state()), "here")
    for _ in range(2):
        second.step()
    for one, other in zip(weights(whole), weights(second), strict=True):
        assert torch.equal(one, other)
    moved = [not torch.equal(one, other) for one, other in zip(weights(whole), weights(first), strict=True)]
    assert sum(moved) >= len(moved) / 2


@needs_compiler
def test_a_compiled_replay_is_the_eager_one_and_is_recorded_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Maps of more than 2^16 entries, which an eager replay computes in parts: a compiler would write all for each.

    The bound is n 2^-24 for sums of n = 8 32 32 terms in another order.
    """
    graphs: list[torch.fx.GraphModule] = []
    compiler = torch.compile
    monkeypatch.setattr(torch, "compile", lambda graph: graphs.append(graph) or compiler(graph))
    setting = Setting("cnn-32", "gn", 4, width=16)
    eager, compiled = (gradients(replace(setting, capture=how)) for how in ("eager", "compiled"))
    assert distance(compiled, eager) <= 2**13 * 2**-24
    (graph,) = graphs
    # Scores are split into those of reals and of fakes, and nothing else is.
    assert len([node for node in graph.graph.nodes if "split" in str(node.target)]) == 1


@pytest.mark.parametrize("device", ["cpu", GPU])
@pytest.mark.parametrize("name", ["shapes16-resnet-gn-cr", "shapes16-cnn-sn", "shapes-biggan-gn", "shapes16-cnn-1-gp"])
def test_a_step_in_a_cuda_graph_is_the_eager_one(name: str, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a GPU its body plays the graph, after four runs: inputs, buffers, gradients are tested all the same."""
    replays = []
    if device == "cpu":

        def played(body: capture.Body) -> capture.Body:
            for _ in range(4):
                body()
            return lambda: replays.append(body())

        monkeypatch.setattr(capture, "as_cuda_graph", played)
        monkeypatch.setattr("gnref.training.fitting._check_capture", lambda *_: None)
    eager, graphed = pair(tiny(name, STILL), "cuda-graph", device)
    for _ in range(2):
        eager.step()
        graphed.step()
        agree(eager, graphed)
    assert device == "cuda" or len(replays) == 2 * 2


@pytest.mark.parametrize(
    ("name", "execution", "count", "complaint"),
    [
        ("shapes-stylegan-gn", Execution(capture="compiled"), 1, "capture compiled: StyleGAN draws at random"),
        ("shapes16-cnn-gn", Execution(capture="compiled"), 2, "several processes exchange gradients"),
        ("shapes16-cnn-gn", Execution(capture="compiled", accumulate=2), 1, "cannot accumulate"),
        ("shapes16-cnn-gn", Execution(capture="cuda-graph"), 1, "capture cuda-graph: it needs a GPU, not cpu"),
        (
            "shapes16-cnn-gn",
            Execution(capture="jit"),
            1,
            "--capture: expected one of eager, compiled, cuda-graph",
        ),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_captured_is_refused(name: str, execution: Execution, count: int, complaint: str) -> None:
    e = EXPERIMENTS[name]
    with pytest.raises(UserError, match=complaint):
        Trainer(e, ImageSet(*shapes(40, e.size)), 0, Processes(torch.device("cpu"), 0, count), execution)


def test_without_a_compiler_there_is_one_clear_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        from torch._dynamo.exc import TorchDynamoException

        raise TorchDynamoException("backend='inductor' raised: RuntimeError: No working C++ compiler found")

    monkeypatch.setattr(torch, "compile", lambda function: broken)
    layer = torch.nn.Linear(2, 1)
    with pytest.raises(UserError, match=r"could not be compiled: .*No working C\+\+ compiler.*leave the step eager"):
        capture.captured(
            lambda x: {"loss": layer(x).sum()}, [layer], list(layer.parameters()), [torch.ones(1, 2)], "compiled"
        )
