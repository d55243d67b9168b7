# ruff: noqa: E402 - the scripts are found once their folder is on the path
"""The rule of a verdict, the printed numbers, the form of evidence, and the shared command of `reproductions/`."""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from itertools import islice, permutations
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gnref.errors import UserError
from gnref.training.experiments import EXPERIMENTS

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "reproductions"))  # its scripts import each other by their names, as they run

import consistency
import equivalence
import evidence
import mini
import orderings
import published
import sessions
import simulate
import smoke
import table1
import table3
import trained
from command import Artefact, act, main
from command import _parser as parser
from equivalence import ASSUMED_SESSIONS, holm, judge_cells, margin, sample, swap_test
from evidence import Evidence
from guards import Session, guard
from jobs import Job, Options, within
from lines import Line
from verdict import Finding, Verdict, exit_code, of_table

FID = st.floats(3, 40)
SESSIONS = st.lists(st.floats(1, 60), min_size=1, max_size=6)


# The printed numbers


def test_every_printed_number_is_there() -> None:
    """Counted in the appendix: 8, 18, 9 (3 of them quoted), 6 (1 quoted) and 1."""
    counts = {table: len(published.cells_of(table)) for table in ("table1", "table2", "table4", "table5", "stylegan")}
    assert counts == {"table1": 8, "table2": 18, "table4": 9, "table5": 6, "stylegan": 1}
    assert sum(cell.external for cell in published.printed()) == 4
    assert len({cell.id for cell in published.printed()}) == 42


def test_signature_of_the_protocol_in_all_eight_rows() -> None:
    """FID(test) - FID(train), 10,000 against 50,000 samples, is 4.04 to 4.26; the guard's bounds contain that."""
    gaps = [
        published.cell(cell.id.replace("fid_train", "fid_test")).value - cell.value
        for cell in published.printed()
        if cell.id.endswith("fid_train")
    ]
    assert len(gaps) == 8
    assert (round(min(gaps), 2), round(max(gaps), 2)) == (4.04, 4.26)


@pytest.mark.parametrize(("score", "rounded"), [("fid", 0.026), ("is", 0.015)])
def test_relative_deviations_are_the_root_mean_square_of_the_printed_ones(score: str, rounded: float) -> None:
    """Over FID(train) and over FID(test) alike, and over IS."""
    for column in {"fid": ("fid_train", "fid_test"), "is": ("is",)}[score]:
        cells = [cell for cell in published.printed() if cell.id.endswith(column) and cell.deviation]
        mean_square = sum((cell.deviation / cell.value) ** 2 for cell in cells if cell.deviation) / len(cells)
        assert len(cells) == 8
        assert round(math.sqrt(mean_square), 3) == rounded == equivalence.RELATIVE_DEVIATION[score]


# Equivalence


def test_hand_computed_interval() -> None:
    """m = 10, sessions 10 and 11, n = 3: s² = (16·0.26² + 0.5) / 17 and SE² = s²(1/2 + 1/3), so SE = 0.2784.

    δ = 1, and t of 17 degrees of freedom at 95 % is 1.740: 0.5 + 1.740 SE = 0.984 lies inside,
    0.55 + 1.740 SE does not.
    """
    s = sample("fid", 10.0, [10.0, 11.0], 3)
    assert (s.difference, s.margin, s.freedom) == (0.5, 1.0, 17)
    assert s.error == pytest.approx(math.sqrt((16 * 0.26**2 + 0.5) / 17 * (1 / 2 + 1 / 3)), rel=1e-15)
    assert s.reproduced()
    assert not sample("fid", 10.0, [10.05, 11.05], 3).reproduced()


@given(value=FID, ours=SESSIONS)
def test_reproduced_and_not_reproduced_exclude_each_other(value: float, ours: list[float]) -> None:
    for n in ASSUMED_SESSIONS:
        s = sample("fid", value, ours, n)
        assert not (s.reproduced() and s.p_outside() < equivalence.ALPHA)


@given(value=FID, ours=SESSIONS, further=st.floats(0, 20))
def test_moving_away_never_helps(value: float, ours: list[float], further: float) -> None:
    mean = sum(ours) / len(ours)
    away = [x + math.copysign(further, mean - value) for x in ours]
    for n in ASSUMED_SESSIONS:
        near, far = sample("fid", value, ours, n), sample("fid", value, away, n)
        slack = 1e-9 * (value + abs(far.difference))  # rounding of the shifted mean and variance
        assert abs(far.difference) >= abs(near.difference) - slack
        if not near.reproduced() and abs(near.difference) + near.error > near.margin + slack:
            assert not far.reproduced() or near.error != pytest.approx(far.error, rel=1e-6)


@given(value=FID, ours=SESSIONS)
def test_order_of_sessions_does_not_matter(value: float, ours: list[float]) -> None:
    words = {judge_cells([("fid", value, list(p))])[0].verdict for p in islice(permutations(ours), 6)}
    assert len(words) == 1


@given(value=FID, ours=st.lists(st.floats(1, 60), max_size=4), bad=st.sampled_from([math.inf, math.nan, -math.inf]))
def test_a_diverged_session_is_never_forgiven(value: float, ours: list[float], bad: float) -> None:
    (found,) = judge_cells([("fid", value, [*ours, bad])])
    assert found.verdict is Verdict.NOT_REPRODUCED
    assert "1 of" in found.reason


@given(value=FID, ours=SESSIONS, others=st.lists(st.tuples(FID, SESSIONS), max_size=4))
def test_other_cells_can_only_soften_a_failure(
    value: float, ours: list[float], others: list[tuple[float, list[float]]]
) -> None:
    """Holm's correction: with more cells in the table, a cell fails less easily, and never passes more easily."""
    alone = judge_cells([("fid", value, ours)])[0].verdict
    among = judge_cells([("fid", value, ours), *(("fid", v, xs) for v, xs in others)])[0].verdict
    assert (
        among
        in {
            Verdict.REPRODUCED: {Verdict.REPRODUCED},
            Verdict.INCONCLUSIVE: {Verdict.INCONCLUSIVE},
            Verdict.NOT_REPRODUCED: {Verdict.NOT_REPRODUCED, Verdict.INCONCLUSIVE},
        }[alone]
    )


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_rejects_between_bonferroni_and_none(p_values: list[float]) -> None:
    rejected = holm(p_values)
    for p, out in zip(p_values, rejected, strict=True):
        assert out or p >= equivalence.ALPHA / len(p_values)
        assert not out or p < equivalence.ALPHA
    assert holm(p_values + [1.0] * 8).count(True) <= rejected.count(True)


def test_holm_by_hand() -> None:
    assert holm([0.04, 0.01, 0.03]) == [False, True, False]  # 0.01 < .05/3; 0.03 >= .05/2 stops
    assert holm([0.02, 0.01, 0.03]) == [True, True, True]


def test_nothing_run_is_not_run_and_the_assumed_sessions_must_agree() -> None:
    assert judge_cells([("fid", 11.0, [])])[0].verdict is Verdict.NOT_RUN
    (found,) = judge_cells([("is", 8.49, [8.4, 8.5, 8.45])])
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "n=1: INCONCLUSIVE, n=3: REPRODUCED" in found.reason
    assert found.further is not None


@given(value=FID, ours=SESSIONS)
def test_the_number_of_further_runs_would_decide(value: float, ours: list[float]) -> None:
    (found,) = judge_cells([("fid", value, ours)])
    if found.further is None or len(ours) < 2:
        return
    mean = sum(ours) / len(ours)
    spread = math.sqrt(sum((x - mean) ** 2 for x in ours) / (len(ours) - 1))
    longer = equivalence._sessions(mean, spread, len(ours) + found.further)
    assert judge_cells([("fid", value, longer)])[0].verdict is not Verdict.INCONCLUSIVE


@given(mean=st.floats(-5, 5), spread=st.floats(0, 3), k=st.integers(2, 9))
def test_imagined_sessions_have_the_given_mean_and_deviation(mean: float, spread: float, k: int) -> None:
    made = equivalence._sessions(mean, spread, k)
    assert len(made) == k
    assert sum(made) / k == pytest.approx(mean, abs=1e-12 * (1 + abs(mean) + spread))
    deviation = math.sqrt(sum((x - sum(made) / k) ** 2 for x in made) / (k - 1))
    assert deviation == pytest.approx(spread, abs=1e-12 * (1 + abs(mean) + spread))


def test_swap_test_names_the_rival() -> None:
    ours = [11.1, 11.0, 11.2]
    (found,) = judge_cells([("fid", 11.13, ours)])
    assert found.verdict is Verdict.REPRODUCED
    swapped = swap_test(found, "fid", ours, {"NS": 10.97, "CNN": 18.20})
    assert swapped.verdict is Verdict.NOT_DISCRIMINATING
    assert "NS" in swapped.reason
    assert "CNN" not in swapped.reason
    assert swap_test(found, "fid", ours, {"CNN": 18.20}) == found


def test_margins() -> None:
    assert [margin("fid", 4.0), margin("fid", 20.0), margin("is", 4.0), margin("is", 9.0)] == [0.5, 2.0, 0.15, 0.27]


def test_false_verdicts_of_the_rule_stay_below_five_percent() -> None:
    """Seeded simulation: a truth at the margin passes, and a truth of 0 fails, in at most 5 % of tables."""
    at_margin, true = simulate.shares(0.10, 3, 0.026, 300), simulate.shares(0.0, 3, 0.026, 300)
    assert at_margin[0] <= equivalence.ALPHA
    assert true[2] <= equivalence.ALPHA
    assert true[0] > 0.9
    assert sum(simulate.ordering_shares(0.0, 5, 100)) == pytest.approx(1, abs=1e-12)


# Orderings


@given(st.lists(st.integers(0, 5), min_size=1, max_size=5), st.lists(st.integers(0, 5), min_size=1, max_size=5))
def test_rank_test_counts_every_choice(better: list[int], worse: list[int]) -> None:
    """The dynamic programme against going through all choices of the pooled values; ties and infinity included."""
    from itertools import combinations

    a, b = [math.inf if x == 5 else float(x) for x in better], [math.inf if x == 5 else float(x) for x in worse]
    pooled = [*a, *b]
    rank = [sum((y < x) + (y == x) / 2 for y in pooled) + 0.5 for x in pooled]
    observed = sum(rank[: len(a)])
    sums = [sum(rank[i] for i in chosen) for chosen in combinations(range(len(pooled)), len(a))]
    assert orderings.p_ordering(a, b) == sum(s <= observed for s in sums) / len(sums)


def test_rank_test_agrees_with_scipy_and_reaches_one_in_twenty_with_three_seeds() -> None:
    from scipy.stats import mannwhitneyu

    better, worse = [float(x) for x in range(10)], [x + 1.5 for x in range(10)]
    p = mannwhitneyu(better, worse, alternative="less", method="exact").pvalue
    assert orderings.p_ordering(better, worse) == pytest.approx(p, rel=1e-12)
    found = orderings.judge_ordering([("a", [1.0, 2, 3]), ("b", [4.0, 5, 6])])
    assert found.verdict is Verdict.REPRODUCED
    assert orderings.judge_ordering([("b", [4.0, 5, 6]), ("a", [1.0, 2, 3])]).verdict is Verdict.NOT_REPRODUCED
    undecided = orderings.judge_ordering([("a", [1.0, 2, 5]), ("b", [4.0, 3, 6])])
    assert undecided.verdict is Verdict.INCONCLUSIVE
    assert undecided.further
    assert orderings.judge_ordering([("a", []), ("b", [1.0])]).verdict is Verdict.NOT_RUN


# Guards, words, exit codes


def _session(seed: int = 0, commit: str = "c", train: float = 11.0, test: float = 15.2) -> Session:
    return Session(seed, commit, "s", {"fid_train": train, "fid_test": test})


def test_guards() -> None:
    assert guard([_session(0), _session(1)]) is None
    assert "seeds repeat" in str(guard([_session(0), _session(0)]))
    assert "2 different commits" in str(guard([_session(0), _session(1, commit="d")]))
    assert "its commit does not hold" in str(guard([_session(0, "c+")]))
    canary = replace(_session(), scores={"canary_is": 9.0})
    assert "IS 9.00" in str(guard([canary]))
    assert "FID(test) - FID(train) = 0.20" in str(guard([_session(test=11.2)]))
    assert guard([_session(train=300.0, test=301.0)]) is None
    assert guard([_session(train=math.inf, test=math.inf)]) is None


def test_precedence_of_exit_codes() -> None:
    words = {
        Verdict.REPRODUCED: 0,
        Verdict.NOT_DISCRIMINATING: 0,
        Verdict.NOT_REPRODUCED: 1,
        Verdict.INCONCLUSIVE: 3,
        Verdict.NOT_RUN: 77,
    }
    outranks = [1, 3, 77, 0]
    for a, code_a in words.items():
        for b, code_b in words.items():
            assert exit_code([a, b, Verdict.EXTERNAL]) == min(code_a, code_b, key=outranks.index)
    assert exit_code([]) == exit_code([Verdict.EXTERNAL]) == 77
    assert [exit_code([v]) for v in (Verdict.PASS, Verdict.FAIL, Verdict.UNDECIDED)] == [0, 1, 3]
    assert of_table([Verdict.PASS, Verdict.FAIL]) is Verdict.FAIL
    assert of_table([Verdict.SHOWN, Verdict.REPRODUCED]) is Verdict.REPRODUCED
    assert of_table([Verdict.SHOWN]) is Verdict.SHOWN


# Evidence


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(evidence, "RESULTS", tmp_path)
    return tmp_path


def _record(seed: int = 0, **scores: float | None) -> Evidence:
    return Evidence("x", "paper", seed, {"steps": 1}, scores or {"fid": 1.5}, "python x", 1.0, "c", {}, "CPU", "today")


def test_evidence_is_read_as_written(results: Path) -> None:
    path = evidence.write(_record(fid=1.5, other=None))
    assert evidence.read(path) == _record(fid=1.5, other=None)
    assert evidence.find("x", "paper", {"steps": 1}, 0) == _record(fid=1.5, other=None)
    assert evidence.find("x", "paper", {"steps": 2}, 0) is None
    assert evidence.read(path).value("other") == math.inf
    assert [path.name for path in results.iterdir()] == [path.name]


def test_evidence_edited_by_hand_is_one_sentence(results: Path) -> None:
    path = evidence.write(_record())
    path.write_text(path.read_text().replace("1.5", "1.4"))
    with pytest.raises(UserError, match="was changed after its run wrote it"):
        evidence.find("x", "paper", {"steps": 1}, 0)
    path.write_text("{")
    with pytest.raises(UserError, match="is not a record of a run"):
        evidence.everything()


def test_evidence_under_another_name_is_refused(results: Path) -> None:
    """A copy that pretends to be another seed keeps its checksum, but not its name."""
    path = evidence.write(_record(seed=0))
    copy = evidence.place("x", "paper", {"steps": 1}, 1)
    copy.write_bytes(path.read_bytes())
    with pytest.raises(UserError, match="holds the run that belongs in"):
        evidence.find("x", "paper", {"steps": 1}, 1)


def test_a_failed_write_leaves_what_was_there(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = evidence.write(_record())
    before = path.read_bytes()

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left on device"):
        evidence.write(_record(fid=9.0))
    assert [p.read_bytes() for p in results.iterdir()] == [before]


def test_committed_evidence_is_whole() -> None:
    assert [record.file.name for record in evidence.everything()] == sorted(
        path.name for path in evidence.RESULTS.glob("*-seed*.json")
    )


# The command


class _Study:
    judges_images = False

    def __init__(self) -> None:
        self.done: list[str] = []

    def jobs(self) -> list[Job]:
        return [
            Job(f"run{i}", "paper", 0, {"i": i}, self._work(i), (f"t.line{i}",), self._missing(i)) for i in range(3)
        ]

    def _missing(self, i: int):  # type: ignore[no-untyped-def]
        return lambda options: ["a moon"] if i == 2 else []

    def _work(self, i: int):  # type: ignore[no-untyped-def]
        def work(options: Options) -> dict[str, float | None]:
            self.done.append(f"run{i}")
            return {"fid": 1.0}

        return work

    def lines(self, options: Options) -> list[Line]:
        records = [job.evidence() for job in self.jobs()]
        return [
            Line(f"t.line{i}", f"line {i}", "1.0", "", Finding(Verdict.REPRODUCED if r else Verdict.NOT_RUN, ""))
            for i, r in enumerate(records)
        ]

    def plot(self, options: Options) -> Path:
        raise AssertionError


def _act(study: _Study, *words: str) -> int:
    artefact = Artefact("t", "A table", study)
    arguments = parser(artefact).parse_args(words)
    return act(artefact, Options(arguments.scale, arguments.cell), arguments)


def test_run_resumes_and_check_reports(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = _Study()
    assert _act(study, "--check") == 77
    assert _act(study, "--run", "--cell", "t.line1") == 0
    assert study.done == ["run1"]
    assert _act(study, "--run") == 77  # run2 needs a moon
    assert study.done == ["run1", "run0"]
    assert "run2-seed0 cannot run here; it needs a moon" in capsys.readouterr().out
    assert _act(study, "--check") == 77
    assert _act(study, "--check", "--cell", "t.line0,t.line1") == 0
    capsys.readouterr()
    assert _act(study, "--check", "--json") == 77
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["exit_code"], len(told["lines"])) == ("NOT RUN", 77, 3)


def test_dry_run_runs_nothing(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = _Study()
    assert _act(study, "--dry-run") == 0
    assert study.done == []
    assert "needs a moon" in capsys.readouterr().out


def test_a_cell_is_named_part_by_part() -> None:
    assert within("table4.gn-biggan.is", "table4.gn-biggan")
    assert within("table4.gn-biggan.is", "table4.gn-biggan.is")
    assert not within("table4.gn-biggan-cr.is", "table4.gn-biggan")


@pytest.mark.parametrize(
    ("words", "said"), [(("--check", "--cell", "moon"), "--cell"), (("--check", "--scale", "mini"), "no mini scale")]
)
def test_mistakes_are_one_sentence(results: Path, words: tuple[str, ...], said: str) -> None:
    with pytest.raises(UserError, match=said):
        _act(_Study(), *words)


def test_samples_of_another_library_are_refused_where_they_make_no_sense(results: Path) -> None:
    arguments = parser(Artefact("t", "", _Study())).parse_args(["--check"])
    with pytest.raises(UserError, match="judges no images"):
        act(Artefact("t", "", _Study()), Options(samples=(results,)), arguments)


# Runs at the appendix's scale, with a small experiment in the place of a large one

SMALL = EXPERIMENTS["shapes16-resnet-gn"].changed(name="small", steps=2, width=1, batch=4, generator_batch=4)


@pytest.fixture
def small(results: Path, monkeypatch: pytest.MonkeyPatch) -> trained.Trained:
    """Table 5's rows as a two-step experiment on shapes whose score is 5.5."""
    monkeypatch.setattr(sessions, "EXPERIMENTS", {"small": SMALL})
    monkeypatch.setattr(sessions, "PROTOCOLS", {"shapes": {"fid": "shapes-16"}})
    monkeypatch.setattr(sessions, "missing_for", lambda name, options: [])
    monkeypatch.setattr(sessions, "score", lambda images, name, options: {"fid": 5.5})
    rows = ("celebahq128.gn", "celebahq256.gn", "celebahq256.sn", "church256.gn", "church256.sn")
    return trained.Trained("table5", dict.fromkeys(rows, "small"))


def test_a_run_is_trained_scored_and_judged(small: trained.Trained, tmp_path: Path) -> None:
    job = small.jobs()[0]
    assert (job.id, len(job.serves), job.serves[-1]) == ("small-seed0", 5, "table5.church256.sn")
    scores = job.work(Options(runs=tmp_path / "runs"))
    assert scores == {"fid": 5.5, "best_fid": 5.5}
    evidence.write(
        Evidence("small", "paper", 0, dict(job.settings), dict(scores), "python x", 1.0, "c", {}, "CPU", "now")
    )
    found = {line.id: line.finding for line in small.lines(Options())}
    assert found["table5.church256.gn"].verdict is Verdict.REPRODUCED  # 0.09 off; 1.746 SE = 0.35 (n = 1); margin 0.54
    assert found["table5.church256.gn"].reason.endswith("(1 session)")
    assert found["table5.church256.sn"].verdict is Verdict.NOT_REPRODUCED
    assert found["table5.celebahq128.sn"].verdict is Verdict.EXTERNAL


def test_a_diverged_run_is_evidence(small: trained.Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gnref.training import train as training

    def diverge(*args: object, **kwargs: object) -> int:
        raise training.Diverged("small diverged")

    monkeypatch.setattr(training, "train", diverge)
    assert small.jobs()[0].work(Options(runs=tmp_path)) == {"fid": None}


def test_images_of_another_library_are_judged_for_the_row_they_are_of(small: trained.Trained, tmp_path: Path) -> None:
    folders = (tmp_path / "a", tmp_path / "b", tmp_path / "c")
    found = {line.id: line for line in small.lines(Options(cell="table5.church256.gn", samples=folders))}
    line = found["table5.church256.gn"]
    assert line.ours == "5.50 5.50 5.50"  # images have no best checkpoint
    assert line.finding.verdict is Verdict.REPRODUCED
    assert line.rests_on == tuple(map(str, folders))
    assert found["table5.church256.sn"].ours == ""
    with pytest.raises(UserError, match="say which row"):
        small.lines(Options(samples=folders))


# Consistency with the appendix


def test_experiments_protocols_and_parameters_are_the_appendix_s() -> None:
    assert consistency.experiments() == []
    assert consistency.sample_counts() == []
    assert consistency.parameter_counts() == []
    groups = [consistency.group(e) for e in EXPERIMENTS.values()]
    assert {name: groups.count(name) > 0 for name in ("unconditional", "conditional", "high-resolution", "stylegan")}


def test_another_setting_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = EXPERIMENTS["cifar10-resnet-gn"].changed(n_dis=4, beta2=0.99)
    monkeypatch.setattr(consistency, "EXPERIMENTS", {**EXPERIMENTS, "cifar10-resnet-gn": changed})
    said = consistency.experiments()
    assert [s.split(",")[0] for s in said] == ["cifar10-resnet-gn: n_dis is 4", "cifar10-resnet-gn: beta2 is 0.99"]


def test_evidence_rests_on_the_code_as_it_is() -> None:
    assert consistency.orphans(evidence.everything()) == []


def test_evidence_of_other_settings_is_noticed() -> None:
    (job,) = table3.ARTEFACT.paper.jobs()
    settings = {**job.settings, "draws": 7}
    old = Evidence("table3", "paper", 0, settings, {}, "", 0.0, "c", {}, "CPU", "")
    assert "made with another draws" in consistency.orphans([old])[0]
    assert "no table or figure" in consistency.orphans([replace(old, name="table9")])[0]


# Table 1


def _timed(**slowness: float) -> Evidence:
    """Times that scatter by 2 % around `slowness` times vanilla's."""
    scores = {
        f"{table1.METHODS[method]}, {part}, round {i}": slow * base * (1 + 0.02 * (-1) ** i)
        for method, slow in {"vanilla": 1.0, "replay": 1.4, **slowness}.items()
        for part, base in (("discriminator step", 1.0), ("generator step", 1.2))
        for i in range(table1.ROUNDS)
    }
    return Evidence("table1-cpu", "paper", 0, {}, dict(scores), "", 0.0, "c", {}, "CPU", "")


def test_printed_ratios_of_table_1() -> None:
    """15.73 / 6.48 and 6.91 / 3.68 it/s."""
    found = [round(table1.printed_ratio("gn", c), 2) for c in ("discriminator", "generator")]
    assert found == [2.43, 1.88]


def test_table_1_judges_ratios(monkeypatch: pytest.MonkeyPatch) -> None:
    record = _timed(sn=1.05, gp=1.9, gn=6.0)
    monkeypatch.setattr(Job, "evidence", lambda self: record if self.name == "table1-cpu" else None)
    found = {line.id.removeprefix("table1."): line.finding.verdict for line in table1.Speed().lines(Options())}
    assert found["sn.discriminator"] is Verdict.NOT_DISCRIMINATING  # from vanilla's ratio of 1
    assert found["gp.discriminator"] is Verdict.NOT_DISCRIMINATING  # from GN's 2.43
    assert found["gn.discriminator"] is Verdict.NOT_REPRODUCED
    assert found["replay.discriminator"] is found["vanilla.generator"] is Verdict.SHOWN
    assert found["order"] is Verdict.REPRODUCED


# Table 3


def test_flips_and_shifts_are_read_back() -> None:
    size = table3.SIZE
    marked = torch.arange(3.0 * size * size).view(3, size, size) + 1
    assert table3.read_back(marked) == (0, 0, 0)
    assert table3.read_back(marked.flip(2)) == (1, 0, 0)
    moved = torch.full_like(marked, -1)
    moved[:, 2:, : size - 3] = marked[:, : size - 2, 3:]
    assert table3.read_back(moved) == (0, -3, 2)
    moved[0, 0, 0] = 5
    assert table3.read_back(moved) is None


def test_chi_square_finds_an_unfair_coin() -> None:
    """Σ (n - 800)² / 800 = 25 with 3 degrees of freedom has p = 1.544e-5; equal counts have p = 1."""
    assert table3.chi_square([50, 50]) == 1.0
    assert table3.chi_square([700, 900, 800, 800]) == pytest.approx(1.544e-5, rel=1e-3)
    assert table3.chi_square([0, 0]) is None


# The mini scale


def test_every_hypothesis_has_its_experiments_and_ten_seeds() -> None:
    assert len(mini.seeds()) == len(set(mini.seeds())) == 10
    stated = [each for artefact in ("figure1", "figure2", "table4") for each in mini.hypotheses(artefact)]
    assert len(stated) == 12
    for each in stated:
        assert mini.experiment(each.better).size == mini.experiment(each.worse).size == 16
        assert mini.settings(each.better) != mini.settings(each.worse)


def test_mini_orderings_need_both_feature_spaces() -> None:
    low, high = [float(x) for x in range(10)], [float(x) for x in range(20, 30)]
    assert mini.judge("ordering", (low, high), (low, high)).verdict is Verdict.PASS
    assert mini.judge("ordering", (high, low), (high, low)).verdict is Verdict.FAIL
    assert mini.judge("ordering", (low, high), (high, low)).verdict is Verdict.UNDECIDED
    assert mini.judge("ordering", (low, low), (low, high)).verdict is Verdict.UNDECIDED


def test_mini_failures() -> None:
    fine, half = [1.0] * 10, [1.0] * 5 + [2.5] * 4 + [math.inf]
    assert mini.judge("failures", (fine, half), (fine, half)).verdict is Verdict.PASS
    assert mini.judge("failures", (fine, fine), (fine, fine)).verdict is Verdict.FAIL
    assert mini.judge("failures", (fine, half), (fine, fine)).verdict is Verdict.UNDECIDED
    some = [1.0] * 6 + [2.5] * 3 + [math.inf]
    assert mini.judge("failures", (some, some), (some, some)).verdict is Verdict.UNDECIDED


def test_false_passes_of_the_failure_rule_are_below_three_percent() -> None:
    """max over p of P[≥ many of 10] P[≤ few of 10], both groups failing with the same frequency p."""
    from scipy.stats import binom

    rule = mini._document()["failures"]
    worst = max(binom.sf(rule["many"] - 1, 10, p / 1000) * binom.cdf(rule["few"], 10, p / 1000) for p in range(1, 1000))
    assert worst < 0.03


def test_a_repeated_run_that_disagrees_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    seeds = [replace(_record(seed), scores={"mini_fid": 10.0 + seed}) for seed in range(3)]
    assert smoke.compare(seeds[0], seeds[0], seeds) == 0
    assert smoke.compare(seeds[0], replace(seeds[0], scores={"mini_fid": 9.5}), seeds) == 0
    assert smoke.compare(seeds[0], replace(seeds[0], scores={"mini_fid": 13.5}), seeds) == 1
    assert "outside the range" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], 2),
        (["--jobs", "x"], 2),
        (["--check", "--cell", "moon"], 2),
        (["--run", "--jobs", "0"], 2),
        (["--check"], 77),
    ],
)
def test_exit_codes_of_the_command(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], code: int
) -> None:
    monkeypatch.setattr(sys, "argv", ["t.py", *words])
    with pytest.raises(SystemExit) as stopped:
        main(Artefact("t", "A table", _Study()))
    assert stopped.value.code == code
    assert code == 77 or len(capsys.readouterr().err.splitlines()[-1]) > 10


def test_the_plain_command_works_from_the_root() -> None:
    """A bare --check of what was never run is 77, not 0."""
    command = [sys.executable, "reproductions/table5.py", "--check", "--json"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (77, "")
    assert json.loads(run.stdout)["exit_code"] == 77


SCRIPTS = sorted(path.name for path in (ROOT / "reproductions").glob("*.py") if "__main__" in path.read_text())


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_python_without_the_package_gets_one_sentence(script: str) -> None:
    """-S leaves out the installed packages."""
    command = [sys.executable, "-S", f"reproductions/{script}", "--check"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.count("\n") == 1
    assert "has no gnref; install it there" in run.stderr
