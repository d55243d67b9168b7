"""The GPU day's command, in its reduced form on the CPU: every stage but those that take minutes here."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gnref.activations import activations
from gnref.measure import gpu
from gnref.measure.stages import base
from gnref.measure.summary import summary

LONG = ("properties", "compiled")

PLANTED = """
import os, time
from gnref.measure import stages

def fails():
    raise RuntimeError("no such kernel")

parts = {
    "dies": {"first": lambda: 1, "second": lambda: os._exit(9)},
    "hangs": {"first": lambda: 2, "second": lambda: time.sleep(1000), "third": fails},
    "fails": {"first": fails, "second": lambda: 3},
    "whole": {"first": lambda: 4},
}
stages.STAGES.clear()
stages.STAGES.update({name: stages.Stage(lambda setting, name=name: parts[name], 1) for name in parts})
"""
"""Python's own start-up file, so that the command's children have these stages too."""


def run(out: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gnref.measure", "gpu", "--out", str(out), *arguments]
    where = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=where)


def stages(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "gpu.json").read_text())["stages"]
    return found


@pytest.mark.parametrize("name", [name for name in gpu.STAGES if name not in LONG])
def test_a_stage_on_the_cpu(name: str) -> None:
    found: Any = {part: compute() for part, compute in gpu.STAGES[name].parts(base("cpu")).items()}
    json.dumps(found)
    if name == "graphs":
        assert found == {}
    if name == "one-process":
        assert found == {"gloo": True}
    if name == "precision":
        # Roundings of 2^-24 through 40 layers of sums; TF32 is float32 on a CPU.
        assert found["gn, float32"] < 1e-4
        assert found["gn, tf32"] == found["gn, float32"]
    if name == "memory" and activations() is not None:
        assert found["gn, fused"] < found["gn-double-backward, fused"]


def test_what_a_stage_found_is_kept_whatever_becomes_of_it(tmp_path: Path) -> None:
    """A stage that dies, one that hangs for longer than its share, and one of whose parts one fails."""
    (tmp_path / "sitecustomize.py").write_text(PLANTED)
    out = tmp_path / "day"
    done = run(out, "--device", "cpu", "--seconds", "60", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1, done.stderr
    found = stages(out)
    assert {name: stage["result"] for name, stage in found.items()} == {
        "dies": {"first": 1},
        "hangs": {"first": 2},
        "fails": {"second": 3},
        "whole": {"first": 4},
    }
    assert found["dies"]["failed"] == "exit 9; see dies.log"
    assert found["hangs"]["failed"].startswith("not done in ")
    assert found["fails"]["failed"] == "first: RuntimeError: no such kernel"
    assert "failed" not in found["whole"]
    assert "no such kernel" in (out / "fails.log").read_text()


def test_the_properties_of_one_file() -> None:
    """In a process of its own, for pytest does not run within pytest."""
    command = "import json; from gnref.measure.stages import *; "
    command += "(part,) = STAGES['properties'].parts(base('cpu')).values(); print(json.dumps(part()))"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["passed"] > 0
    assert found["failed"] == []


def test_partial_results_are_kept_and_the_rest_is_done_later(tmp_path: Path) -> None:
    """Without time every stage says so; named again, one is done and the others stay as they were."""
    assert run(tmp_path, "--device", "cpu", "--seconds", "0").returncode == 1
    assert {stage["failed"] for stage in stages(tmp_path).values()} == {"no time was left"}
    done = run(tmp_path, "--device", "cpu", "--only", "graphs")
    assert "graphs: done" in done.stdout
    assert [name for name, stage in stages(tmp_path).items() if "failed" not in stage] == ["graphs"]


@pytest.mark.parametrize("text", ["", "[]", '{"stages": 1}', '{"stages": {"graphs": {}}}', "\xff"])
def test_a_file_that_is_no_report_is_left_alone(text: str, tmp_path: Path) -> None:
    (tmp_path / "gpu.json").write_text(text, encoding="latin-1")
    refused = run(tmp_path, "--device", "cpu")
    assert refused.returncode == 2
    assert "gpu.json is not what this command writes; move it away, or name another folder" in refused.stderr
    assert (tmp_path / "gpu.json").read_text(encoding="latin-1") == text


def test_a_machine_without_a_gpu_is_told(tmp_path: Path) -> None:
    refused = run(tmp_path, "--device", "cuda:7")
    assert refused.returncode == 2
    assert "there is no device cuda:7" in refused.stderr
    assert not (tmp_path / "gpu.json").exists()


def test_the_page_of_what_was_found() -> None:
    """Ratios, failures and what differs, each where a reader looks; a stage without results has no table."""
    figure = {"setting": {"layout": "plain", "method": "gn"}, "part": "iteration", "milliseconds": 4.0}
    seconds = {"vanilla, discriminator step": [1.0, 2.0], "vanilla, generator step": [1.0, 2.0]}
    seconds |= {"gn, discriminator step": [1.5, 3.0], "gn, generator step": [1.0, 2.0]}
    results: dict[str, Any] = {
        "graphs": {"gn": True, "vanilla": False},
        "precision": {"gn, float32": 1e-6, "gn, bf16": 0.05},
        "memory": {"gn, plain": 5_000_000},
        "table1": {"seconds": seconds},
        "steps": {"tf32, eager": [{**figure, "to_vanilla": 1.25, "to_plain": 1.0}]},
        "properties": {"test_a": {"passed": 3, "skipped": 1, "failed": ["test_a.py::b"]}},
        "compiled": {"gn": {"first": 30.0, "eager": 0.5, "later": 0.4, "pays from": 300.0}},
        "launches": {},
    }
    stages = {name: {"result": result} for name, result in results.items()}
    stages["launches"]["failed"] = "not done in 9 s"
    page = summary({"environment": {"device": "a GPU"}, "stages": stages})
    for line in (
        "device a GPU.",
        "- launches is not whole: not done in 9 s",
        "A CUDA graph's gradient and the eager one, bit for bit. equal: gn; **different**: vanilla.",
        "| gn | 1.0e-06 |  | 5.0e-02 |",
        "| gn, plain |\n|---|\n| 5 |",
        "| gn | 1.50 | 1.25 |",
        "| tf32, eager | plain | gn | iteration | 4.00 | 1.25 | 1.00 |",
        "Properties on the device: 3 passed, 1 skipped, 1 failed.\n- test_a.py::b",
        "| gn | 30.0 | 500.0 | 400.0 | 300 gradients |",
    ):
        assert line in page, page
    assert "Kernels" not in page
