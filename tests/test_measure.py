"""Counts that CI notices without a quiet machine, the bodies they are of, and the arithmetic of the times.

Counted on the meta device at the paper's width: a pass is one forward pass of D on the same images. An unnormalized
gradient is three passes less the first layers' gradient in x, which nobody asked for.
"""

import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pages
import pytest
import torch
from subjects.versions import lets_activations_go
from torch import Tensor

from gnref import measure
from gnref.data.images import ImageSet
from gnref.errors import UserError
from gnref.measure import METHODS, PARTS, Setting, Steps, count, interleaved, measured, ratio, table1
from gnref.measure.methods import experiment_of
from gnref.measure.tables import Figure
from gnref.training.distributed import Processes
from gnref.training.experiments import EXPERIMENTS
from gnref.training.layout import FASTEST, fastest
from gnref.training.objectives import make_networks
from gnref.training.trainer import Trainer

NETWORKS = ("cnn-32", "resnet-32", "resnet-48", "biggan-32", "resnet-128")


def counted(network: str, part: Any, *methods: str) -> list[Figure]:
    settings = [Setting(network, method, device="meta") for method in methods]
    return measured(settings, [part], rounds=0)


PASSES = {"cnn-32": 4.0, "resnet-32": 2.85, "resnet-48": 2.84, "biggan-32": 2.84, "resnet-128": 2.93}
"""Of the replay in the plain layout: below four where it computes a convolution and its pooling as one."""


@pytest.mark.parametrize("network", NETWORKS)
def test_passes_of_the_discriminators_gradient(network: str) -> None:
    figures = counted(network, "discriminator gradient", "vanilla", "gn", "gn1", "gn0", "gn-double-backward")
    assert [round(f.passes, 2) for f in figures] == [2.99, *[PASSES[network]] * 3, 6.0]


@pytest.mark.parametrize("network", [name for name in NETWORKS if name != "cnn-32"])
def test_passes_where_the_network_computes_pooling_as_one_itself(network: str) -> None:
    """Four passes to vanilla's three, less the first layer's gradient in x: 2.99 of three in the plain layout."""
    settings = [Setting(network, method, device="meta", layout="fused") for method in ("vanilla", "gn")]
    vanilla, gn = (figure.gflop for figure in measured(settings, ["discriminator gradient"], rounds=0))
    assert 4.0 <= 3 * gn / vanilla <= 4.05


@pytest.mark.parametrize("network", NETWORKS)
def test_passes_of_the_generators_gradient(network: str) -> None:
    """D's part of a step of G: forward and the gradient in x, and nothing else for normalizing."""
    figures = counted(network, "score gradient", "vanilla", "gn", "gn-double-backward")
    assert [round(f.passes, 2) for f in figures] == [2.0, 2.0, 5.0]


def test_passes_of_the_other_methods() -> None:
    """A penalty at half as many points costs 3 passes, and consistency half as many images again as a replay."""
    figures = counted("resnet-32", "discriminator gradient", "sn", "1-gp", "0-gp", "gn-cr")
    assert [round(f.passes, 2) for f in figures] == [2.99, 5.99, 5.99, 4.27]


@lets_activations_go
@pytest.mark.parametrize("layout", ["plain", "fused", "fused channels-last"])
@pytest.mark.parametrize("network", NETWORKS)
def test_memory(network: str, layout: Any) -> None:
    """The largest that is alive at once, by vanilla's: at most 1.35 plain and 1.15 fused, where double backward has
    1.72 to 2.37: no activation is kept, but an adjoint is of each layer, and a byte for every entry of a ReLU."""
    if network == "cnn-32" and layout != "plain":
        pytest.skip("no pooling to fuse")
    settings = [Setting(network, method, device="meta", layout=layout) for method in ("vanilla", "gn")]
    vanilla, gn = (figure.peak_bytes for figure in measured(settings, ["discriminator gradient"], rounds=0))
    assert gn <= (1.35 if layout == "plain" else 1.15) * vanilla


def test_the_generators_step_has_no_other_product() -> None:
    vanilla, gn = counted("resnet-32", "generator step", "vanilla", "gn")
    assert vanilla.gflop == gn.gflop


def test_a_gpu_gets_the_networks_that_the_cpu_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that gradients on the two can be compared: another device's generator draws other numbers from a seed."""

    class MadeError(Exception):
        pass

    def made(e: Any, layout: Any) -> None:
        networks = make_networks(e, layout)
        raise MadeError({parameter.device.type for network in networks for parameter in network.parameters()})

    monkeypatch.setattr("gnref.measure.steps.make_networks", made)
    with pytest.raises(MadeError, match=r"{'cpu'}"):
        Steps(Setting("resnet-32", "gn", 2, device="cuda", width=2))


def test_an_iteration_is_its_parts() -> None:
    """5 steps of D, 5 forward passes of G on as many images as there are reals, and a step of G."""
    setting = Setting(device="meta", width=8)
    steps = Steps(setting)
    d, g = count(steps.discriminator_step).flops, count(steps.generator_step).flops
    with torch.no_grad():
        forward = count(lambda: steps.generator(steps.latents[: setting.batch])).flops
    assert count(steps.iteration).flops == 5 * (d + forward) + g


def test_a_planted_forward_pass_is_counted() -> None:
    steps = Steps(Setting(device="meta", width=8))

    def slower() -> None:
        steps.forward_pass()
        steps.discriminator_gradient()

    one = count(steps.forward_pass).flops
    assert count(slower).flops == count(steps.discriminator_gradient).flops + one


def test_a_count() -> None:
    """(2×3)(3×4): 48 flop, 24 + 48 + 32 bytes at most; the first product is gone when the second is made."""

    def body() -> Tensor:
        a, b = torch.ones(2, 3), torch.ones(3, 4)
        c = (a @ b).T
        del a, b
        return torch.ones(2, 2) @ c.T

    assert count(body) == measure.Count(flops=48 + 32, launches=5, peak_bytes=24 + 48 + 32)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("network", ["cnn-32", "resnet-32", "biggan-32"])
def test_every_part_of_every_method_runs(network: str, method: str) -> None:
    steps = Steps(Setting(network, method, batch=2, width=2, updates=1))
    before = [p.detach().clone() for p in steps.discriminator.parameters()]
    for part in PARTS:
        steps.body(part)()
    assert all(p.grad is not None for p in steps.discriminator.parameters())
    assert not all(torch.equal(p, b) for p, b in zip(steps.discriminator.parameters(), before, strict=True))


@pytest.mark.parametrize("layout", ["plain", "channels-last", "fused", "fused channels-last"])
def test_layouts_and_precisions_compute_the_same(layout: Any) -> None:
    """In float64 the plain gradient and any other layout's differ by less than 2^13 roundings of its norm."""
    gradients = []
    for setting in (Setting(batch=2, width=2), Setting(batch=2, width=2, layout=layout)):
        steps = Steps(setting)
        steps.objective.double()
        losses, *_, inputs = steps._tasks["D"]
        losses(*(x if x is None else x.double() for x in inputs))["loss"].backward()
        gradients.append(torch.cat([p.grad.flatten() for p in steps.discriminator.parameters() if p.grad is not None]))
    assert (gradients[0] - gradients[1]).norm() <= 1e-12 * gradients[0].norm()


def test_bf16_is_autocast_and_tf32_is_put_back() -> None:
    steps = Steps(Setting(batch=2, width=2, precision="bf16"))
    seen = []
    steps.discriminator.head.register_forward_hook(lambda module, args, output: seen.append(output.dtype))
    steps.discriminator_gradient()
    assert seen == [torch.bfloat16]
    before = torch.backends.cudnn.allow_tf32
    allowed = []
    for precision in ("tf32", "float32"):
        steps = Steps(Setting(method="vanilla", batch=2, width=2, precision=precision))
        steps.discriminator.head.register_full_backward_hook(
            lambda module, given, taken: allowed.append(torch.backends.cudnn.allow_tf32)
        )
        steps.body("discriminator gradient")()
        assert torch.backends.cudnn.allow_tf32 == before
    assert allowed == [True, False]


def test_fused_products_are_fewer_and_the_unit_stays_plain() -> None:
    settings = [Setting(method="vanilla", device="meta", layout=layout) for layout in ("plain", "fused")]
    plain, fused = measured(settings, ["discriminator gradient"], rounds=0)
    assert fused.gflop < plain.gflop
    assert fused.gflop / fused.passes == pytest.approx(plain.gflop / plain.passes, rel=1e-15)


@pytest.mark.parametrize("method", ["vanilla", "sn", "1-gp", "0-gp", "gn", "gn1", "gn0", "gn-cr"])
def test_the_trainers_step_is_the_sum_of_its_parts(method: str) -> None:
    """Its products are those of five steps of D and one of G and no other; and as it runs on the meta device, where
    there is nothing to read, the host reads nothing of it."""
    e = EXPERIMENTS[f"cifar10-resnet-{method}"]
    data = ImageSet(torch.zeros(64, 3, 32, 32, dtype=torch.uint8))
    trainer = Trainer(e, data, processes=Processes(torch.device("meta")))
    parts = Steps(Setting("resnet-32", method, e.batch, "meta", layout="fused channels-last"))
    assert count(trainer.step).flops == count(parts.iteration).flops


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(UserError, match="no pooling to fuse"):
        Steps(Setting("cnn-32", layout="fused"))


def test_interleaved_times_and_their_ratio() -> None:
    """One round to warm up, then rounds of each body in turn; a ratio is taken within a round."""
    order: list[str] = []
    bodies = {name: (lambda name=name: order.append(name)) for name in "ab"}
    times = interleaved(bodies, rounds=3)
    assert order == ["a", "b"] * 4
    assert [len(seconds) for seconds in times.values()] == [3, 3]
    assert ratio([1, 20, 3], [2, 10, 3]) == 1


def test_table_1_at_a_small_size() -> None:
    table = table1(("vanilla", "gn"), Setting(batch=1, width=1), rounds=1)
    assert table["vanilla"]["discriminator"] == table["vanilla"]["discriminator and generator"] == 1
    assert table["gn"]["discriminator"] > 0


ROOT = Path(__file__).parent.parent
BENCHMARKS = sorted((ROOT / "asv_bench" / "benchmarks").glob("[a-z]*.py"))


@pytest.fixture(autouse=True)
def benchmarks_are_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """As asv imports them."""
    monkeypatch.syspath_prepend(ROOT / "asv_bench")


@pytest.mark.parametrize("file", BENCHMARKS, ids=lambda file: file.stem)
def test_benchmarks_of_a_commit_without_what_they_measure_are_not_available(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """asv runs the benchmarks of today against yesterday's package: each then says so, and none fails."""
    runpy.run_path(str(file))
    for module in (
        "measure",
        "measure.resident",
        "normalization",
        "quotient",
        "certificates",
        "laws",
        "evaluation",
        "data.shapes",
    ):
        monkeypatch.setitem(sys.modules, f"gnref.{module}", None)
    found = runpy.run_path(str(file), run_name="benchmark").items()
    kinds = [k for name, k in found if getattr(k, "__module__", "") == "benchmark" and name[0].isupper()]
    assert kinds
    for kind in kinds:
        instance = kind()
        cached = [instance.setup_cache()] if hasattr(instance, "setup_cache") else []
        with pytest.raises(NotImplementedError):
            instance.setup(*cached, *(values[0] for values in getattr(instance, "params", [])))


def test_the_benchmarks_name_every_method() -> None:
    assert runpy.run_path(str(ROOT / "asv_bench" / "benchmarks" / "__init__.py"))["METHODS"] == list(METHODS)


def test_the_command_prints_a_table_and_writes_json(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    command = [sys.executable, "-m", "gnref.measure", "--device", "meta", "--count", "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "6.00" in done.stdout
    report = json.loads(file.read_text())
    assert {f["setting"]["method"] for f in report["figures"]} == {"vanilla", "gn", "gn-double-backward"}
    assert report["environment"]["torch"] == torch.__version__
    refused = subprocess.run([*command, "--network", "cnn-32", "--layout", "fused"], capture_output=True, text=True)
    assert refused.returncode == 2
    assert (
        refused.stderr.strip()
        == "gnref.measure: Steps: cnn-32 has no pooling to fuse; choose the layout plain or channels-last"
    )


@pytest.mark.parametrize("network", pages.iterations())
def test_the_trainer_takes_the_layout_that_was_measured_to_be_the_fastest(network: str) -> None:
    """Of GN's whole iterations, by the medians of the committed files."""
    figures = [f for f in pages.iterations()[network] if f["setting"]["method"] == "gn"]
    assert {f["part"] for f in figures} == {"iteration"}
    best = min(figures, key=lambda figure: figure["milliseconds"])["setting"]["layout"]
    assert fastest(experiment_of(network, "gn")) == best


def test_every_measured_layout_has_its_file() -> None:
    """A size without one has the nearest size's, an architecture without one the layout least to multiply."""
    assert {f"{architecture}-{size}" for architecture, size in FASTEST} == set(pages.iterations())
    assert fastest(EXPERIMENTS["shapes16-cnn-gn"]) == FASTEST["cnn", 32]
    assert fastest(EXPERIMENTS["celebahq-256-resnet-gn"]) == FASTEST["resnet", 128]
    assert fastest(EXPERIMENTS["shapes-stylegan-gn"]) == "fused channels-last"
