"""`python -m gnref.measure gpu --out DIR`: on one GPU, in under nine minutes, all that only a GPU can tell.

Each stage runs in a process of its own, within what is left of the time, and what it found is in DIR/gpu.json before
the next begins: a stage that fails, or hangs, costs itself only, and the same command goes on with what is missing.
With `--device cpu` the same stages run in a reduced form.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, distributed

from gnref.devices import device_named
from gnref.errors import UserError
from gnref.files import write_atomically
from gnref.measure.counting import count
from gnref.measure.steps import Setting, Steps
from gnref.measure.tables import measured
from gnref.measure.timing import environment

SECONDS = 530
ROOT = Path(__file__).parent.parent.parent
METHODS = ("vanilla", "sn", "1-gp", "gn", "gn-double-backward")


def main(arguments: Sequence[str]) -> int:
    """Run what is missing in the folder; 0 where every stage has a result."""
    parser = argparse.ArgumentParser(prog="python -m gnref.measure gpu", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the folder that gpu.json is written into")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="after which no stage goes on")
    parser.add_argument("--only", choices=STAGES, nargs="*", help="these stages, again if they are there")
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)  # the child that computes one
    options = parser.parse_args(arguments)
    device = str(device_named(options.device))
    if options.stage:
        print(json.dumps(STAGES[options.stage](base(device))))
        return 0
    return _all(options.out / "gpu.json", device, options.seconds, options.only)


def base(device: str) -> Setting:
    """ResNet-32 as in the paper on a GPU; on a CPU so small that a stage is a matter of seconds."""
    gpu = torch.device(device).type == "cuda"
    return Setting("resnet-32", "gn", 64 if gpu else 2, device, layout="fused channels-last", width=None if gpu else 2)


def _all(file: Path, device: str, seconds: float, only: Sequence[str] | None) -> int:
    began = time.monotonic()
    report: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"stages": {}}
    report["environment"] = environment(device)
    for name in only or STAGES:
        if not only and "result" in report["stages"].get(name, {}):
            continue
        left = seconds - (time.monotonic() - began)
        stage = {"failed": "no time was left"} if left <= 0 else _child(file.parent, device, name, left)
        report["stages"][name] = stage
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, json.dumps(report, indent=1) + "\n")
        print(f"{name}: {stage.get('failed', 'done')} ({stage.get('seconds', 0):.0f} s)", flush=True)
    return int(any("result" not in report["stages"].get(name, {}) for name in STAGES))


def _child(out: Path, device: str, name: str, left: float) -> dict[str, Any]:
    command = [sys.executable, "-m", "gnref.measure", "gpu", "--out", str(out), "--device", device, "--stage", name]
    began = time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=left, check=False)
    except subprocess.TimeoutExpired:
        return {"failed": f"not done in {left:.0f} s", "seconds": left}
    took = time.monotonic() - began
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        return {"failed": f"exit {done.returncode}: {done.stderr.strip()[-2000:]}", "seconds": took}
    return {"result": json.loads(lines[-1]), "seconds": took}


# The stages: from a setting to what JSON can hold


def properties(setting: Setting) -> dict[str, Any]:
    """The laws and properties of the normalized function on this device, in float32 without TF32."""
    folder = ROOT / "properties"
    if not folder.is_dir():
        raise UserError(f"expected the folder {folder} of a source checkout beside the package; run it there")
    kind = torch.device(setting.device).type
    chosen = ["-k", kind] if kind == "cuda" else ["-k", "cpu and gn_0"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder), *chosen]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    lines = done.stdout.strip().splitlines()
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    return {"exit": done.returncode, "summary": lines[-1] if lines else done.stderr[-500:], "failed": failed}


def gradients(setting: Setting) -> list[Tensor]:
    """D's gradients in a setting, on the CPU in float64."""
    steps = Steps(setting)
    steps.body("discriminator gradient")()
    return [p.grad.detach().cpu().double() for p in steps.discriminator.parameters() if p.grad is not None]


def distance(found: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
    """‖found - expected‖ / ‖expected‖ over all parameters."""
    gap = torch.stack([(a - b).norm() for a, b in zip(found, expected, strict=True)]).norm()
    return float(gap / torch.stack([b.norm() for b in expected]).norm())


def precision(setting: Setting) -> dict[str, float]:
    """How far the replay and double backward are, in every precision, from float32's double backward on the CPU."""
    exact = gradients(replace(setting, device="cpu", method="gn-double-backward"))
    kinds: tuple[Literal["float32", "tf32", "bf16"], ...] = ("float32", "tf32", "bf16")
    return {
        f"{method}, {kind}": distance(gradients(replace(setting, method=method, precision=kind)), exact)
        for kind in kinds
        for method in ("gn", "gn-double-backward")
    }


def one_process(setting: Setting) -> dict[str, Any]:
    """DDP in a group of one process gives the gradient without it, bit for bit."""
    backend = "nccl" if torch.device(setting.device).type == "cuda" else "gloo"
    alone, steps = gradients(setting), Steps(setting)
    store = distributed.HashStore()  # type: ignore[attr-defined]
    distributed.init_process_group(backend, store=store, rank=0, world_size=1)
    try:
        steps.objective = torch.nn.parallel.DistributedDataParallel(steps.objective)  # type: ignore[assignment]
        steps.body("discriminator gradient")()
        found = [p.grad.cpu().double() for p in steps.discriminator.parameters() if p.grad is not None]
    finally:
        distributed.destroy_process_group()
    return {"backend": backend, "equal": all(torch.equal(a, b) for a, b in zip(found, alone, strict=True))}


def graphs(setting: Setting) -> dict[str, Any]:
    """A CUDA graph gives the eager gradient, bit for bit, in every precision and for every method."""
    if torch.device(setting.device).type != "cuda":
        return {"skipped": "CUDA graphs need a GPU"}
    found = {}
    for method in METHODS:
        eager = gradients(replace(setting, method=method))
        graph = gradients(replace(setting, method=method, capture="cuda-graph"))
        found[method] = all(torch.equal(a, b) for a, b in zip(eager, graph, strict=True))
    return found


def compiled(setting: Setting) -> dict[str, Any]:
    """How far the compiled gradient is from the eager one, and what compiling costs and spares."""
    found: dict[str, Any] = {}
    for method in ("vanilla", "gn"):
        mine = replace(setting, method=method)
        found[method] = {
            "distance": distance(gradients(replace(mine, capture="compiled")), gradients(mine)),
            **pays_from(mine),
        }
    return found


def pays_from(setting: Setting, rounds: int = 7) -> dict[str, float | None]:
    """From how many gradients on compiling has paid: its seconds by what it spares of each; None where nothing."""
    from gnref.measure.timing import interleaved

    eager = Steps(setting).body("discriminator gradient")
    fast = Steps(replace(setting, capture="compiled")).body("discriminator gradient")
    began = time.monotonic()
    fast()
    once = time.monotonic() - began
    times = interleaved({"eager": eager, "compiled": fast}, rounds, setting.device)
    a, b = (sorted(seconds)[len(seconds) // 2] for seconds in times.values())
    return {"seconds": once, "eager": a, "compiled": b, "pays from": once / (a - b) if a > b else None}


def steps(setting: Setting) -> list[dict[str, Any]]:
    """Every method's gradients and steps: eager, and on a GPU as a graph, in float32, TF32 and bfloat16."""
    gpu = torch.device(setting.device).type == "cuda"
    found: list[dict[str, Any]] = []
    kinds: tuple[Literal["float32", "tf32", "bf16"], ...] = ("float32", "tf32", "bf16") if gpu else ("float32",)
    captures: tuple[Literal["eager", "cuda-graph"], ...] = ("eager", "cuda-graph") if gpu else ("eager",)
    layouts: tuple[Literal["plain", "fused channels-last"], ...] = ("plain", "fused channels-last")
    for kind in kinds:
        for capture in captures:
            settings = [
                replace(setting, method=method, precision=kind, capture=capture, layout=layout)
                for layout in layouts
                for method in ("vanilla", "gn", "gn-double-backward")
            ]
            figures = measured(
                settings, ("discriminator gradient", "score gradient", "generator step"), 21 if gpu else 1
            )
            found += [figure.as_json() for figure in figures]
    return found


def memory(setting: Setting) -> dict[str, float]:
    """Bytes at most alive in D's gradient, by the allocator on a GPU and by the counter elsewhere."""
    found = {}
    for layout in ("plain", "fused"):
        for method in ("vanilla", "gn", "gn-double-backward"):
            body = Steps(replace(setting, method=method, layout=layout)).body("discriminator gradient")
            body()
            if torch.device(setting.device).type == "cuda":
                before = torch.cuda.memory_allocated()
                torch.cuda.reset_peak_memory_stats()
                body()
                found[f"{method}, {layout}"] = float(torch.cuda.max_memory_allocated() - before)
            else:
                found[f"{method}, {layout}"] = float(count(body).peak_bytes)
    return found


def speed(setting: Setting) -> dict[str, float]:
    """Seconds of Table 1's steps in every round, named as `reproductions/table1.py` names them."""
    rounds = 5
    plain = replace(setting, layout="plain")
    settings = [replace(plain, method=method) for method in METHODS]
    figures = measured(settings, ("discriminator step", "generator step"), rounds)
    return {
        f"{figure.setting.method}, {figure.part}, round {i}": seconds
        for figure in figures
        for i, seconds in enumerate(figure.seconds)
    }


def launches(setting: Setting) -> dict[str, int]:
    """Kernels of one gradient, as the profiler counts them on a GPU; ATen calls elsewhere."""
    found = {}
    for method in METHODS:
        body = Steps(replace(setting, method=method)).body("discriminator gradient")
        body()
        if torch.device(setting.device).type != "cuda":
            found[method] = count(body).launches
            continue
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
            body()
            torch.cuda.synchronize()
        found[method] = sum("CUDA" in str(event.device_type) for event in profile.events())
    return found


STAGES: Mapping[str, Callable[[Setting], Any]] = {
    "graphs": graphs,
    "precision": precision,
    "one-process": one_process,
    "steps": steps,
    "memory": memory,
    "table1": speed,
    "launches": launches,
    "properties": properties,
    "compiled": compiled,
}
"""In this order: what takes longest, and may be cut, comes last."""
