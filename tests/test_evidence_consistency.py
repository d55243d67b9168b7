"""Do experiments, protocols, networks and records agree with the appendix and the code?"""

from pathlib import Path

import pytest
from subjects.records import record

from gnref.evidence import Job, consistency
from gnref.evidence.published import Published
from gnref.training.experiments import EXPERIMENTS

PUBLISHED = Published(Path(__file__).parent.parent / "reproductions" / "published.toml")


def test_experiments_protocols_and_parameters_are_the_appendix_s() -> None:
    assert consistency.experiments(PUBLISHED) == []
    assert consistency.sample_counts(PUBLISHED) == []
    assert consistency.parameter_counts(PUBLISHED) == []
    groups = [consistency.group(e) for e in EXPERIMENTS.values()]
    assert {name: groups.count(name) > 0 for name in ("unconditional", "conditional", "high-resolution", "stylegan")}


def test_another_setting_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = EXPERIMENTS["cifar10-resnet-gn"].changed(n_dis=4, beta2=0.99)
    monkeypatch.setattr(consistency, "EXPERIMENTS", {**EXPERIMENTS, "cifar10-resnet-gn": changed})
    said = consistency.experiments(PUBLISHED)
    assert [s.split(",")[0] for s in said] == ["cifar10-resnet-gn: n_dis is 4", "cifar10-resnet-gn: beta2 is 0.99"]


def test_records_of_other_settings_are_noticed() -> None:
    job = Job("x", "paper", 0, {"size": 32, "draws": 50_000, "box": (0, 1)}, lambda options: {})
    current = record(settings={"size": 32, "draws": 50_000, "box": [0, 1]})
    old = record(settings={"size": 32, "draws": 7, "box": [0, 1]})
    assert consistency.orphans([current], [job]) == []
    assert "made with another draws" in consistency.orphans([old], [job])[0]
    assert "no table or figure" in consistency.orphans([record(name="y")], [job])[0]
