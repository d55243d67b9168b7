"""The GPU day's command, in its reduced form on the CPU: every stage but those that take minutes here."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gnref.measure import gpu

LONG = ("properties", "compiled")


def run(out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gnref.measure", "gpu", "--out", str(out), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.filterwarnings("ignore:Grad strides do not match bucket view strides")
@pytest.mark.parametrize("name", [name for name in gpu.STAGES if name not in LONG])
def test_a_stage_on_the_cpu(name: str) -> None:
    found: Any = gpu.STAGES[name](gpu.base("cpu"))
    assert found
    json.dumps(found)
    if name == "one-process":
        assert found == {"backend": "gloo", "equal": True}
    if name == "precision":
        # Roundings of 2^-24 through 40 layers of sums; TF32 is float32 on a CPU.
        assert found["gn, float32"] < 1e-4
        assert found["gn, tf32"] == found["gn, float32"]
    if name == "memory":
        assert found["gn, fused"] < found["gn-double-backward, fused"]


def test_partial_results_are_kept_and_the_rest_is_done_later(tmp_path: Path) -> None:
    """Without time every stage says so; named again, one is done and the others stay as they were."""
    assert run(tmp_path, "--device", "cpu", "--seconds", "0").returncode == 1
    stages = json.loads((tmp_path / "gpu.json").read_text())["stages"]
    assert {stage["failed"] for stage in stages.values()} == {"no time was left"}
    done = run(tmp_path, "--device", "cpu", "--only", "graphs")
    assert "graphs: done" in done.stdout
    stages = json.loads((tmp_path / "gpu.json").read_text())["stages"]
    assert [name for name, stage in stages.items() if "result" in stage] == ["graphs"]


def test_a_machine_without_a_gpu_is_told(tmp_path: Path) -> None:
    refused = run(tmp_path, "--device", "cuda:7")
    assert refused.returncode == 2
    assert "there is no device cuda:7" in refused.stderr
    assert not (tmp_path / "gpu.json").exists()
