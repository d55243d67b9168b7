"""The study in the plane: what is registered, what a run scores, and what becomes of records of older code."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from subjects.records import record

from gnref.evidence import Job, Options, Record, Verdict, arms, cost, points, study, study_page
from gnref.evidence.registered import Registered
from gnref.evidence.revision import (
    GUARDED,
    GUARDED_IMAGES,
    REVISION,
    scores_of_known_images,
    trajectory,
    trajectory_of_images,
)
from gnref.training.experiments import EXPERIMENTS

OPTIONS = Options(Path(__file__).parent.parent / "reproductions")
REGISTERED = Registered.of(OPTIONS)
REGIMES = REGISTERED.regimes()


def test_every_hypothesis_has_its_arms_and_every_regime_its_control() -> None:
    assert [regime.replicas * len(regime.seeds) for regime in REGIMES] == [32, *[16] * 5, 8]
    for regime in REGIMES:
        stated = REGISTERED.hypotheses(regime.name)
        assert not any({each.better, each.worse} & set(regime.later) for each in stated if not each.later)
        assert {arm for each in stated for arm in (each.better, each.worse)} <= set(regime.arms)
        assert sum(each.control for each in stated) == 1
        for arm in regime.arms:
            assert regime.experiment(arm).batch == 32 * regime.replicas


def test_spent_seeds_are_not_used() -> None:
    seeds = [seed for regime in REGIMES for seed in regime.seeds]
    assert len(set(seeds)) == len(seeds)
    assert not {*range(8), 900, 910, 911, 912} & set(seeds)


def test_a_run_is_repeated_bit_for_bit_and_scores_every_replica() -> None:
    e = EXPERIMENTS["ring-mlp-gn"].changed(width=4, replicas=2, batch=8, generator_batch=8, steps=4)
    found = points.train_and_score(e, 5, (2, 4))
    assert found == points.train_and_score(e, 5, (2, 4))
    assert len(found) == 3 * 2 * 2
    assert found["wasserstein/4/0"] != found["wasserstein/4/1"]


def test_scores_of_the_truth_of_one_mode_and_of_no_number() -> None:
    reals, centres = points.real_points("ring")
    assert points.scores(reals, reals, centres)["wasserstein"] == 0
    one = centres[:1].expand(len(reals), 2)
    found = points.scores(one, reals, centres)
    assert (found["lost"], found["stray"]) == (7 / 8, 0.0)
    assert set(points.scores(torch.full_like(reals, torch.nan), reals, centres).values()) == {None}


@pytest.mark.parametrize("arm", GUARDED)
def test_the_code_is_of_the_revision_that_its_records_carry(arm: str) -> None:
    """Five steps in float64 end where they did: 1e-9 of a distance of order 1.

    If this fails, trainer or scorer compute something else than when the evidence was made: raise REVISION, write the
    trajectories anew (`python tests/programs/trajectories.py`), and the evidence is OLDER until it is made again.
    """
    kept = json.loads((Path(__file__).parent / "trajectories.json").read_text())
    assert kept["revision"] == REVISION
    assert trajectory(arm) == pytest.approx(kept["arms"][arm], abs=1e-9)


@pytest.mark.parametrize("arm", GUARDED_IMAGES)
def test_images_are_trained_as_the_records_were(arm: str) -> None:
    """Two steps in float64, as above."""
    kept = json.loads((Path(__file__).parent / "trajectories.json").read_text())
    assert trajectory_of_images(arm) == pytest.approx(kept["images"][arm], abs=1e-9)


def test_images_are_scored_as_the_records_were() -> None:
    """The features are of float32: 1e-3 of every score, and 1e-3 where it is near 0."""
    kept = json.loads((Path(__file__).parent / "trajectories.json").read_text())
    assert scores_of_known_images() == pytest.approx(kept["scores"], rel=1e-3, abs=1e-3)


def _complete(job: Job, shift: float) -> Record:
    last = job.settings["scored_at"][-1]
    scores = {f"{name}/{last}/{i}": shift + i / 100 for name in ("wasserstein", "lost", "stray") for i in range(32)}
    return replace(record(name=job.name, settings=dict(job.settings)), scale="study", seed=job.seed, scores=scores,
                   revision=REVISION)  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Options:
    (tmp_path / "study.toml").write_bytes((OPTIONS.home / "study.toml").read_bytes())
    return Options(tmp_path)


def test_complete_records_are_judged_and_older_ones_are_not(home: Options) -> None:
    plane = study.RegisteredStudy()
    jobs = [
        job
        for job in plane.jobs(home)
        if job.name.startswith("ring-") and job.settings["regime"] == "ring" and "points" in job.settings
    ]
    assert all(line.finding.verdict is Verdict.NOT_RUN for line in plane.lines(home))
    for job in jobs:
        home.records.append(_complete(job, 5.0 if job.name == "ring-vanilla" else 1.0))
    found = {line.id: line.finding.verdict for line in plane.lines(home)}
    assert found["study.ring.control"] is found["study.ring.gn-vanilla"] is Verdict.PASS
    assert found["study.ring.gn-sn"] is found["study.ring.gn-gran"] is Verdict.UNDECIDED
    assert found["study.grid.control"] is Verdict.NOT_RUN
    (gn,) = [job for job in jobs if job.name == "ring-gn"]
    home.records.append(replace(_complete(gn, 9.0), revision=REVISION - 1))
    assert not gn.done(home)
    found = {line.id: line.finding.verdict for line in plane.lines(home)}
    assert found["study.ring.gn-vanilla"] is Verdict.OLDER
    assert found["study.ring.control"] is Verdict.PASS


def test_the_page_shows_what_a_budget_buys(home: Options) -> None:
    """GN's step costs twice a plain one: after 1500 steps, between 4 at 1000 and 1 at 3000, it is 4^(1 - log_3 1.5)."""
    (regime,) = (each for each in REGIMES if each.name == "ring")
    for arm, reached in (("vanilla", (9.0, 6.0, 5.0)), ("gn", (8.0, 4.0, 1.0))):
        scores = {f"wasserstein/{step}/0": value for step, value in zip(regime.scored_at, reached, strict=True)}
        scores |= {f"{name}/{step}/0": 0.0 for name in ("lost", "stray") for step in regime.scored_at}
        job = arms.job(regime, arm, 2101, ())
        kept = replace(record(name=job.name, settings=dict(job.settings)), seed=2101, scores=scores, revision=REVISION)
        home.records.append(replace(kept, scale="study"))
    job = cost.jobs(regime)[0]
    costs: dict[str, float | None] = {f"flops/{arm}": 2.0 if arm == "gn" else 1.0 for arm in regime.first}
    costs |= {f"seconds/{arm}/{turn}": 1.0 for arm in regime.first for turn in range(cost.ROUNDS)}
    kept = replace(record(name=job.name, settings=dict(job.settings)), seed=0, scores=costs, revision=REVISION)
    home.records.append(replace(kept, scale="study"))
    at = 4 ** (1 - math.log(1.5, 3))
    assert f"| GN | {at:.2f} | 1.00 |" in study_page.page(home)
    assert "| no normalization | 5.00 | 5.00 |" in study_page.page(home)


def test_arms_registered_later_cost_beside_the_unnormalized_one() -> None:
    (first, later) = cost.jobs(REGIMES[0])
    assert not {"gran", "gran-10"} & set(first.settings["arms"])
    assert later.settings["arms"] == ["vanilla", *REGIMES[0].later]
