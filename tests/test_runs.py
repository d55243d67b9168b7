"""The run folder: what is written is whole, what is damaged is named, and nothing good is lost."""

import hashlib
import io
import itertools
import json
import os
import pickle
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gnref.errors import UserError
from gnref.files import write_atomically
from gnref.networks import CNNGenerator
from gnref.runs import Run, build_generator, load_generator

SPEC = {"class": "CNNGenerator", "arguments": {"size": 16, "latent": 4, "width": 1}}


def state(step: int, best: int | None = None) -> dict:
    return {"step": step, "weights": torch.full((100,), float(step)), "best": best and {"step": best, "value": 1.0}}


@pytest.fixture
def run(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    return Run(tmp_path)


def test_a_checkpoint_comes_back_as_it_was(run):
    run.save(state(3), keep=2)
    loaded = run.load()
    assert loaded["step"] == 3
    assert torch.equal(loaded["weights"], torch.full((100,), 3.0))
    assert loaded["best"] is None


def test_a_folder_without_checkpoints_has_none(run):
    assert run.load() is None


@pytest.mark.parametrize(("keep", "best", "kept"), [(1, None, [5]), (2, None, [4, 5]), (2, 1, [1, 4, 5]), (1, 5, [5])])
def test_the_last_checkpoints_and_the_best_are_kept(run, keep, best, kept):
    for step in range(1, 6):
        run.save(state(step, best if best and step >= best else None), keep)
    assert list(run.checkpoints()) == kept


def test_saving_a_step_again_replaces_it(run):
    run.save(state(1), keep=3)
    run.save({**state(1), "weights": torch.zeros(1)}, keep=3)
    assert list(run.checkpoints()) == [1]
    assert torch.equal(run.load()["weights"], torch.zeros(1))


def damage_truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def damage_one_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def damage_empty(path: Path) -> None:
    path.write_bytes(b"")


DAMAGES = [damage_truncate, damage_one_bit, damage_empty]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_is_used(run, damage, capsys):
    run.save(state(1), keep=2)
    newest = run.save(state(2), keep=2)
    damage(newest)
    assert run.load()["step"] == 1
    assert f"{newest} is damaged" in capsys.readouterr().err


@pytest.mark.parametrize("damage", DAMAGES)
def test_no_whole_checkpoint_is_an_error_and_not_a_fresh_start(run, damage):
    for step in (1, 2):
        damage(run.save(state(step), keep=2))
    with pytest.raises(UserError, match="every checkpoint is damaged"):
        run.load()


class Attack:
    def __reduce__(self):
        return os.system, ("true",)


def test_loading_runs_no_code(run):
    path = run.save({**state(1), "more": 0}, keep=1)
    content = pickle.dumps(Attack(), protocol=2)
    path.unlink()
    name = f"step-00000001.{hashlib.sha256(content).hexdigest()[:16]}.pt"
    (path.parent / name).write_bytes(content)
    with pytest.raises(UserError, match="no checkpoint of gnref, and was not loaded"):
        run.load()


# A write that fails


@pytest.fixture
def no_file_past_a_kilobyte():
    """The kernel refuses to let a file grow: what a full disk does, without one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_loses_nothing(run, request):
    run.save(state(1), keep=1)
    files = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    request.getfixturevalue("no_file_past_a_kilobyte")
    with pytest.raises(
        UserError, match=r"checkpoint of step 2 could not be written .* the last good checkpoint is step 1"
    ):
        run.save(state(2), keep=1)
    assert {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()} == files


def test_a_full_disk_while_logging_is_one_sentence(run, request):
    request.getfixturevalue("no_file_past_a_kilobyte")
    steps = itertools.count()
    with pytest.raises(UserError, match=r"metrics.jsonl could not be written"):
        all(run.log({"step": next(steps)}) is None for _ in range(1000))
    assert run.metrics() == [{"step": step} for step in range(next(steps) - 1)]


def test_an_atomic_write_that_fails_leaves_the_old_content(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def broken(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UserError, match=r"run folder .* cannot be written: Not a directory"),
        Run(tmp_path / "file").locked(),
    ):
        pass


# One process at a time


def test_a_folder_in_use_is_refused_until_its_holder_is_killed(tmp_path):
    program = (
        "import sys, time; from gnref.runs import Run\n"
        "with Run(sys.argv[1]).locked():\n    print('held', flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout.readline() == b"held\n"
            message = f"is in use by process {holder.pid}; wait for it, or name another folder"
            with pytest.raises(UserError, match=message), Run(tmp_path).locked():
                pass
        finally:
            holder.kill()
    with Run(tmp_path).locked():
        pass


def test_what_a_kill_left_half_written_is_cleared(run):
    leftover = run.folder / "checkpoints" / "step-00000002.0123456789abcdef.pt.4711.partial"
    someone_elses = [run.folder / "thesis.tex.partial", run.folder / "checkpoints" / "download.pt.4711.partial"]
    for path in (leftover, *someone_elses):
        path.write_bytes(b"half")
    run.save(state(1), keep=2)
    assert list(run.checkpoints()) == [1]
    with run.locked():
        assert not leftover.exists()
        assert all(path.exists() for path in someone_elses)


# Metrics and description


def test_metrics_cut_short_by_a_kill_are_read_up_to_there_and_rewound(run):
    for step in (1, 2, 3):
        run.log({"step": step, "loss": step / 3})
    path = run.folder / "metrics.jsonl"
    path.write_text(path.read_text()[:-3])
    assert [line["step"] for line in run.metrics()] == [1, 2]
    run.rewind(1)
    assert path.read_text() == '{"step": 1, "loss": 0.3333333333333333}\n'


@pytest.mark.parametrize("line", ["{", "5", "{}", '{"step": "one"}', "\udcff"])
def test_metrics_after_a_damaged_line_are_not_dropped_in_silence(run, line):
    path = run.folder / "metrics.jsonl"
    text = '{"step": 1}\n' + line + '\n{"step": 3}\n'
    path.write_bytes(text.encode(errors="surrogateescape"))
    for read in (run.metrics, lambda: run.rewind(1)):
        with pytest.raises(UserError, match=r"metrics\.jsonl, line 2, is damaged .*; restore it or delete it"):
            read()
    assert path.read_bytes() == text.encode(errors="surrogateescape")


@pytest.mark.parametrize("content", ["{}", "[]", "null", "5", '{"experiment": null}', '{"experiment": {}}'])
def test_a_description_without_its_parts_is_damaged(run, content):
    (run.folder / "experiment.json").write_text(content)
    with pytest.raises(UserError, match=r"experiment\.json is damaged: it has no (experiment|generator)"):
        load_generator(run.folder)


@pytest.mark.parametrize(
    "spec",
    [
        {"class": "os.system", "arguments": {}},
        {"class": "MLP", "arguments": {}},
        {"arguments": {}},
        {"class": "CNNGenerator", "arguments": {"depth": 3}},
        {"class": "CNNGenerator", "arguments": {"size": -1}},
        {"class": "CNNGenerator", "arguments": "size"},
        {"class": "CNNGenerator", "arguments": {"size": 16, "width": 10**9}},
        {"class": "CNNGenerator"},
    ],
)
def test_a_generator_that_cannot_be_built_is_refused(spec):
    with pytest.raises(UserError, match=r"experiment\.json (names a generator|describes a CNNGenerator)"):
        build_generator(spec)


@pytest.mark.parametrize(
    "forged",
    [
        {},
        [1],
        {"step": "one", "best": None},
        {"step": 1, "best": 7},
        {"step": 1, "best": {}},
        {"step": 1, "best": None},
        {"step": 1, "best": None, "generator": 5},
        {"step": 1, "best": None, "generator": {"a": "text"}},
        {"step": 1, "best": None, "generator": {"a": torch.zeros(1)}},
    ],
)
def test_a_forged_checkpoint_is_refused(trained, forged):
    run = trained[0]
    for path in run.checkpoints().values():
        path.unlink()
    content = io.BytesIO()
    torch.save(forged, content)
    digest = hashlib.sha256(content.getvalue()).hexdigest()[:16]
    (run.folder / "checkpoints" / f"step-00000001.{digest}.pt").write_bytes(content.getvalue())
    with pytest.raises(UserError, match=r"no checkpoint of gnref|holds no weights|of another architecture"):
        load_generator(run.folder, ema=False)


def test_a_lock_file_that_is_deleted_under_a_run_is_taken_again(run):
    """Otherwise a second process could take a new one, and two would write."""
    with run.locked():
        (run.folder / "lock").unlink()
        run.save(state(1), keep=2)
        with pytest.raises(UserError, match="is in use by process"), Run(run.folder).locked():
            pass


def test_a_run_whose_lock_another_process_took_stops(run):
    other = Run(run.folder)
    with run.locked():
        (run.folder / "lock").unlink()
        with other.locked():
            with pytest.raises(UserError, match="is in use by process"):
                run.save(state(1), keep=2)
            assert not run.checkpoints()
            other.save(state(1), keep=2)


def test_a_folder_that_is_no_run_says_so(run):
    with pytest.raises(UserError, match=r"is no run folder: it has no experiment.json"):
        load_generator(run.folder)
    (run.folder / "experiment.json").write_text('{"experiment": ')
    with pytest.raises(UserError, match=r"experiment.json is damaged"):
        load_generator(run.folder)


# Generators


@pytest.fixture
def trained(run):
    torch.manual_seed(0)
    raw, average = CNNGenerator(16, 4, 1), CNNGenerator(16, 4, 1)
    run.describe({"generator": SPEC, "experiment": {"score_ema": True}})
    weights = {"generator": raw.state_dict(), "average": average.state_dict()}
    run.save({**state(1), **weights}, keep=2)
    return run, raw, average


@pytest.mark.parametrize(("ema", "which"), [(None, 2), (True, 2), (False, 1)])
def test_the_generator_is_the_average_or_the_raw_one(trained, ema, which):
    run, loaded = trained[0], load_generator(trained[0].folder, ema)
    assert not loaded.training
    assert all(torch.equal(a, b) for a, b in zip(loaded.parameters(), trained[which].parameters(), strict=True))
    assert run.description()["experiment"] == {"score_ema": True}


def test_the_best_generator_is_its_checkpoints(trained):
    run, raw, _ = trained
    other = CNNGenerator(16, 4, 1).state_dict()
    with pytest.raises(UserError, match="trained without scores"):
        load_generator(run.folder, best=True)
    run.save({**state(2, best=1), "generator": other, "average": other}, keep=1)
    best = load_generator(run.folder, ema=False, best=True)
    assert all(torch.equal(a, b) for a, b in zip(best.parameters(), raw.parameters(), strict=True))


def test_a_checkpoint_of_another_architecture_is_refused(trained):
    run = trained[0]
    for spec in (
        {"class": "ResNetGenerator", "arguments": SPEC["arguments"]},
        {**SPEC, "arguments": {**SPEC["arguments"], "width": 2}},
    ):
        run.describe({"generator": spec, "experiment": {"score_ema": True}})
        with pytest.raises(UserError, match=f"of another architecture than {spec['class']}"):
            load_generator(run.folder)


def test_only_generators_are_built():
    for name in ("normal_init", "CNNDiscriminator", "os.system"):
        with pytest.raises(UserError, match="names a generator this version does not have"):
            build_generator({"class": name, "arguments": {}})


def test_a_run_without_checkpoint_says_so(run):
    run.describe({"generator": SPEC, "experiment": {"score_ema": False}})
    with pytest.raises(UserError, match="has no checkpoint yet"):
        load_generator(run.folder)
    assert json.loads((run.folder / "experiment.json").read_text())["generator"] == SPEC
