"""How long a run takes here: from measured steps, at each resolution where it grows, or from a step timed now."""

import json
from pathlib import Path

import pytest

from gnref.evidence import Options, timing
from gnref.provenance import device
from gnref.training.experiments import EXPERIMENTS
from gnref.training.schedule import resolutions

SMALL = EXPERIMENTS["shapes16-resnet-gn"].changed(name="small", width=1, batch=8, generator_batch=8, steps=720)
GROWING = "celebahq-1024-stylegan-gn"


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Options:
    (tmp_path / "results").mkdir()
    monkeypatch.setattr(timing, "EXPERIMENTS", {"small": SMALL, GROWING: EXPERIMENTS[GROWING]})
    return Options(tmp_path)


def test_measured_steps_are_extrapolated_to_all(options: Options) -> None:
    timing.keep("small", {"seconds_per_step": 10.0, "steps": 3, "share": 4}, options)
    found = timing.estimate("small", options)
    assert found.seconds == 7200
    assert found.text.startswith("2 ")
    assert found.basis == "3 steps of a batch 4 times smaller, measured before"
    assert json.loads((options.results / "timing.json").read_text())[device()]["small"]["steps"] == 3


def test_an_experiment_takes_as_long_as_one_that_differs_in_its_data(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = SMALL.changed(name="twin", steps=360, lr_generator=1.0)
    other = SMALL.changed(name="other", n_dis=2)
    monkeypatch.setattr(timing, "EXPERIMENTS", {"small": SMALL, "twin": twin, "other": other})
    timing.keep("small", {"seconds_per_step": 10.0, "steps": 1, "share": 1}, options)
    found = timing.estimate("twin", options)
    assert (found.seconds, found.basis) == (3600, "1 step of the whole batch, measured before, of small")
    assert timing.estimate("other", options).basis.endswith("timed now")


def test_what_was_not_measured_here_is_timed_now_and_not_kept(options: Options) -> None:
    found = timing.estimate("small", options)
    assert found.seconds > 0
    assert found.basis.endswith("timed now")
    assert timing.measured(options) == {}


def test_a_step_of_minutes_is_not_timed_by_a_dry_run(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    large = EXPERIMENTS["celebahq-256-resnet-gn"]
    monkeypatch.setattr(timing, "EXPERIMENTS", {large.name: large})
    monkeypatch.setattr(timing, "device", lambda: "CPU (another)")
    found = timing.estimate(large.name, options)
    assert (found.seconds, found.text) == (None, "unknown")
    assert found.basis == "python reproductions/timing.py --steps 1 --share 64 celebahq-256-resnet-gn measures it"


def test_an_experiment_that_grows_is_the_sum_over_its_resolutions(options: Options) -> None:
    """One second a step at each: as many seconds as steps."""
    steps = resolutions(EXPERIMENTS[GROWING])
    each = {str(resolution): 1.0 for resolution in steps}
    timing.keep(GROWING, {"seconds_per_step": each, "steps": 3, "share": 1}, options)
    assert timing.estimate(GROWING, options).seconds == EXPERIMENTS[GROWING].steps
    assert list(steps) == [8, 16, 32, 64, 128, 256, 512, 1024]


def test_every_resolution_of_a_small_one_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    e = EXPERIMENTS["shapes-stylegan-gn"]
    monkeypatch.setattr(timing, "EXPERIMENTS", {"growing": e})
    found = timing.measure("growing", 1, 16)
    assert list(found["seconds_per_step"]) == ["8", "16", "32"]


@pytest.mark.parametrize(("seconds", "text"), [(30, "30 "), (60, "1 "), (7200, "2 "), (3600 * 1234, "1,234 ")])
def test_units(seconds: float, text: str) -> None:
    found = timing.Estimate(seconds, "").text
    assert found.startswith(text)
    assert found.endswith("s") == (text != "1 ")
