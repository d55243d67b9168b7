"""What only a GPU can tell, in stages: each names its parts, and a part is computed when it is called.

What takes longest, and may be cut, comes last.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, distributed

from gnref.errors import UserError
from gnref.measure.counting import count
from gnref.measure.steps import Part, Setting, Steps
from gnref.measure.tables import measured, pays_from

ROOT = Path(__file__).parent.parent.parent
METHODS = ("vanilla", "sn", "1-gp", "gn", "gn-double-backward")

Parts = Mapping[str, Callable[[], Any]]
"""By name what computes a part; a part is whatever JSON can hold."""


@dataclass(frozen=True)
class Stage:
    """One process's work."""

    parts: Callable[[Setting], Parts]
    share: int
    """Of the time that is left, beside the shares of the stages that come after."""


def base(device: str) -> Setting:
    """ResNet-32 as in the paper on a GPU; on a CPU so small that a stage is a matter of seconds."""
    gpu = torch.device(device).type == "cuda"
    return Setting("resnet-32", "gn", 64 if gpu else 2, device, layout="fused channels-last", width=None if gpu else 2)


def gradients(setting: Setting) -> list[Tensor]:
    """D's gradients in a setting, on the CPU in float64."""
    steps = Steps(setting)
    steps.body("discriminator gradient")()
    return _found(steps)


def distance(found: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
    """‖found - expected‖ / ‖expected‖ over all parameters."""
    gap = torch.stack([(a - b).norm() for a, b in zip(found, expected, strict=True)]).norm()
    return float(gap / torch.stack([b.norm() for b in expected]).norm())


def graphs(setting: Setting) -> Parts:
    """Whether a CUDA graph gives the eager gradient, bit for bit, by method."""
    if not _gpu(setting):
        return {}

    def equal(method: str) -> bool:
        mine = replace(setting, method=method)
        with _deterministic():
            return _equal(gradients(mine), gradients(replace(mine, capture="cuda-graph")))

    return {method: partial(equal, method) for method in METHODS}


def precision(setting: Setting) -> Parts:
    """How far the replay and double backward are, in every precision, from float32's double backward on the CPU."""
    exact: list[Tensor] = []

    def far(method: str, kind: Literal["float32", "tf32", "bf16"]) -> float:
        exact[:] = exact or gradients(replace(setting, device="cpu", method="gn-double-backward"))
        return distance(gradients(replace(setting, method=method, precision=kind)), exact)

    return {
        f"{method}, {kind}": partial(far, method, kind) for kind in _KINDS for method in ("gn", "gn-double-backward")
    }


def one_process(setting: Setting) -> Parts:
    """Whether DDP in a group of one process gives the gradient without it, bit for bit."""
    backend = "nccl" if _gpu(setting) else "gloo"

    def equal() -> bool:
        with _deterministic():
            alone, steps = gradients(setting), Steps(setting)
            store = distributed.HashStore()  # type: ignore[attr-defined]
            distributed.init_process_group(backend, store=store, rank=0, world_size=1)
            try:
                steps.objective = torch.nn.parallel.DistributedDataParallel(steps.objective)  # type: ignore[assignment]
                steps.body("discriminator gradient")()
                return _equal(_found(steps), alone)
            finally:
                distributed.destroy_process_group()

    return {backend: equal}


def memory(setting: Setting) -> Parts:
    """Bytes at most alive in D's gradient, by the allocator on a GPU and by the counter elsewhere."""

    def bytes_of(method: str, layout: Literal["plain", "fused"]) -> int:
        body = Steps(replace(setting, method=method, layout=layout)).body("discriminator gradient")
        body()
        if not _gpu(setting):
            return count(body).peak_bytes
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        body()
        return torch.cuda.max_memory_allocated() - before

    layouts: tuple[Literal["plain", "fused"], ...] = ("plain", "fused")
    return {
        f"{method}, {layout}": partial(bytes_of, method, layout)
        for layout in layouts
        for method in ("vanilla", "gn", "gn-double-backward")
    }


def launches(setting: Setting) -> Parts:
    """Kernels of one gradient, as the profiler counts them on a GPU; ATen calls elsewhere."""

    def of(method: str) -> int:
        body = Steps(replace(setting, method=method)).body("discriminator gradient")
        body()
        if not _gpu(setting):
            return count(body).launches
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
            body()
            torch.cuda.synchronize()
        return sum("CUDA" in str(event.device_type) for event in profile.events())

    return {method: partial(of, method) for method in METHODS}


def table1(setting: Setting) -> Parts:
    """Seconds of Table 1's steps in every round, by method and step, all in one process."""
    parts: tuple[Literal["discriminator step", "generator step"], ...] = ("discriminator step", "generator step")

    def seconds() -> dict[str, Sequence[float]]:
        settings = [replace(setting, layout="plain", method=method) for method in METHODS]
        return {f"{f.setting.method}, {f.part}": f.seconds for f in measured(settings, parts, 5)}

    return {"seconds": seconds}


def steps(setting: Setting) -> Parts:
    """Every method's gradients, steps and iterations: eager, and on a GPU as a graph, in float32, TF32 and bfloat16."""
    captures: tuple[Literal["eager", "cuda-graph"], ...] = ("eager", "cuda-graph") if _gpu(setting) else ("eager",)
    layouts: tuple[Literal["plain", "fused channels-last"], ...] = ("plain", "fused channels-last")

    def figures(
        kind: Literal["float32", "tf32", "bf16"], capture: Literal["eager", "cuda-graph"], parts: Sequence[Part]
    ) -> Any:
        settings = [
            replace(setting, method=method, precision=kind, capture=capture, layout=layout)
            for layout in layouts
            for method in ("vanilla", "gn", "gn-double-backward")
        ]
        return [figure.as_json() for figure in measured(settings, parts, 21 if _gpu(setting) else 1)]

    kinds = _KINDS if _gpu(setting) else _KINDS[:1]
    gradients: tuple[Part, ...] = ("discriminator gradient", "score gradient", "generator step")
    return {
        f"{kind}, {capture}{word}": partial(figures, kind, capture, parts)
        for kind in kinds
        for capture in captures
        for word, parts in (("", gradients), (", whole", ("iteration",)))
    }


def properties(setting: Setting) -> Parts:
    """The laws and properties of the normalized function on this device, in float32 without TF32, file by file."""
    folder = ROOT / "properties"
    if not folder.is_dir():
        raise UserError(f"expected the folder {folder} of a source checkout beside the package; run it there")
    files = sorted(folder.glob("test_*.py")) if _gpu(setting) else [folder / "test_saturation.py"]
    return {file.stem: partial(_tested, file, torch.device(setting.device).type) for file in files}


def compiled(setting: Setting) -> Parts:
    """How far the compiled gradient is from the eager one, and what compiling costs and spares."""

    def of(method: str) -> dict[str, Any]:
        mine = replace(setting, method=method)
        fast = replace(mine, capture="compiled")
        return {"distance": distance(gradients(fast), gradients(mine)), **pays_from(fast)}

    return {method: partial(of, method) for method in ("gn", "vanilla")}


STAGES: Mapping[str, Stage] = {
    "graphs": Stage(graphs, 5),
    "precision": Stage(precision, 6),
    "one-process": Stage(one_process, 3),
    "memory": Stage(memory, 4),
    "launches": Stage(launches, 4),
    "table1": Stage(table1, 4),
    "steps": Stage(steps, 14),
    "properties": Stage(properties, 16),
    "compiled": Stage(compiled, 12),
}

_KINDS: tuple[Literal["float32", "tf32", "bf16"], ...] = ("float32", "tf32", "bf16")


def _gpu(setting: Setting) -> bool:
    return torch.device(setting.device).type == "cuda"


def _found(steps: Steps) -> list[Tensor]:
    return [p.grad.detach().cpu().double() for p in steps.discriminator.parameters() if p.grad is not None]


def _equal(found: Sequence[Tensor], expected: Sequence[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@contextmanager
def _deterministic() -> Iterator[None]:
    """cuDNN's convolutions by algorithms that add in one order: equal bits are asked for."""
    before, torch.backends.cudnn.deterministic = torch.backends.cudnn.deterministic, True
    try:
        yield
    finally:
        torch.backends.cudnn.deterministic = before


def _tested(file: Path, device: str) -> dict[str, Any]:
    """How many of a file's tests for the device passed, and which failed; in this process, which has torch already."""
    import pytest

    found: dict[str, list[str]] = {"passed": [], "failed": [], "skipped": []}

    class Outcomes:
        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            if report.when == "call" or report.outcome != "passed":
                found[report.outcome].append(report.nodeid)

    os.chdir(ROOT)
    # A driver's warnings break no law.
    options = ["-q", "-p", "no:cacheprovider", "-W", "default", "-k", device, str(file)]
    pytest.main(options, plugins=[Outcomes()])
    return {"passed": len(found["passed"]), "skipped": len(found["skipped"]), "failed": found["failed"]}
