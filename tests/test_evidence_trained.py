"""Tables at the appendix's scale, with a small experiment in the place of a large one."""

from pathlib import Path

import pytest
from subjects.records import record

from gnref.errors import UserError
from gnref.evidence import Options, Verdict, cifar10_files, sessions, trained
from gnref.training.experiments import EXPERIMENTS

PUBLISHED = Path(__file__).parent.parent / "reproductions" / "published.toml"


SMALL = EXPERIMENTS["shapes16-resnet-gn"].changed(name="small", steps=2, width=1, batch=4, generator_batch=4)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder of scripts with the printed numbers and without records."""
    (tmp_path / "published.toml").write_bytes(PUBLISHED.read_bytes())
    return tmp_path


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> trained.Trained:
    """Table 5's rows as a two-step experiment on shapes whose score is 5.5."""
    monkeypatch.setattr(sessions, "EXPERIMENTS", {"small": SMALL})
    monkeypatch.setattr(sessions, "PROTOCOLS", {"shapes": {"fid": "shapes-16"}})
    monkeypatch.setattr(sessions, "missing_for", lambda name, options: [])
    monkeypatch.setattr(sessions, "score", lambda images, name, options: {"fid": 5.5})
    rows = ("celebahq128.gn", "celebahq256.gn", "celebahq256.sn", "church256.gn", "church256.sn")
    return trained.Trained("table5", dict.fromkeys(rows, "small"))


def test_a_run_is_trained_scored_and_judged(small: trained.Trained, home: Path) -> None:
    options = Options(home, runs=home / "runs")
    job = small.jobs(options)[0]
    assert (job.id, len(job.serves), job.serves[-1]) == ("small-seed0", 5, "table5.church256.sn")
    scores = job.work(options)
    assert scores == {"fid": 5.5, "best_fid": 5.5}
    options.records.append(record(name="small", settings=dict(job.settings), **scores))
    found = {line.id: line.finding for line in small.lines(options)}
    assert found["table5.church256.gn"].verdict is Verdict.REPRODUCED  # 0.09 off; 1.746 SE = 0.35 (n = 1); margin 0.54
    assert found["table5.church256.gn"].reason.endswith("(1 session)")
    assert found["table5.church256.sn"].verdict is Verdict.NOT_REPRODUCED
    assert found["table5.celebahq128.sn"].verdict is Verdict.EXTERNAL


def test_a_diverged_run_is_evidence(small: trained.Trained, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gnref.training import train as training

    def diverge(*args: object, **kwargs: object) -> int:
        raise training.Diverged("small diverged")

    monkeypatch.setattr(training, "train", diverge)
    options = Options(home, runs=home)
    assert small.jobs(options)[0].work(options) == {"fid": None}


def test_images_of_another_library_are_judged_for_the_row_they_are_of(small: trained.Trained, home: Path) -> None:
    folders = (home / "a", home / "b", home / "c")
    found = {line.id: line for line in small.lines(Options(home, cell="table5.church256.gn", samples=folders))}
    line = found["table5.church256.gn"]
    assert line.ours == "5.50 5.50 5.50"  # images have no best checkpoint
    assert line.finding.verdict is Verdict.REPRODUCED
    assert line.rests_on == tuple(map(str, folders))
    assert found["table5.church256.sn"].ours == ""
    with pytest.raises(UserError, match="say which row"):
        small.lines(Options(home, samples=folders))


def test_a_batch_that_is_not_as_published_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MD5 of "abc" is 900150983cd24fb0d6963f7d28e17f72."""
    assert cifar10_files.differs(tmp_path) is None
    place = tmp_path / "cifar-10-batches-py"
    place.mkdir()
    (place / "data_batch_2").write_bytes(b"abc")
    assert "data_batch_2 has the MD5 900150983cd24fb0d6963f7d28e17f72" in (cifar10_files.differs(tmp_path) or "")
    needs = sessions.missing_for("cifar10-cnn-gn", Options(tmp_path, data=tmp_path))
    assert any("as they were published" in need and "data_batch_2" in need for need in needs)
    monkeypatch.setitem(cifar10_files.BATCHES_MD5, "data_batch_2", "900150983cd24fb0d6963f7d28e17f72")
    assert cifar10_files.differs(place) is cifar10_files.differs(tmp_path) is None
    (place / cifar10_files.ARCHIVE).write_bytes(b"abc")
    assert "SHA256 ba7816bf" in (cifar10_files.differs(place) or "")
