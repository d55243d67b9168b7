"""A run: cut anywhere it goes on to the bit, nothing around the steps changes a weight, and what goes wrong is said."""

import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from subjects.small_experiments import NEVER, bits, images, small, timeless

from gnref.data.folder import folder_of_images
from gnref.data.images import ImageSet
from gnref.data.load import load
from gnref.data.shapes import shapes
from gnref.errors import UserError
from gnref.runs import Run
from gnref.training.cadence import Cadence
from gnref.training.description import data_facts
from gnref.training.execution import Execution
from gnref.training.experiments import EXPERIMENTS
from gnref.training.layout import fastest
from gnref.training.train import train
from gnref.training.trainer import Trainer

HERE = Path(__file__).parent


# Resuming

RESUMED = ["shapes16-resnet-gn-cr", "shapes16-cnn-1-gp", "shapes-biggan-sn", "shapes-stylegan-gn"]


@pytest.mark.parametrize("name", RESUMED)
def test_a_run_in_two_parts_equals_one_in_one_to_the_bit(name, tmp_path):
    e = small(name, **({"phase_images": 32} if name == "shapes-stylegan-gn" else {}))
    cadence = Cadence(log_every=2, sample_every=3, checkpoint_every=5, score_every=NEVER, keep=9)
    train(e, images(e), tmp_path / "one", seed=3, cadence=cadence)

    def interrupt(generator: torch.nn.Module) -> dict[str, float]:
        os.kill(os.getpid(), signal.SIGTERM)
        return {"FID": 1.0}

    scoring = dataclasses.replace(cadence, score_every=3)
    stopped = train(e, images(e), tmp_path / "two", seed=3, cadence=scoring, score=interrupt)
    assert stopped == 3
    assert train(e, images(e), tmp_path / "two", seed=3, cadence=cadence) == 6
    one, two = Run(tmp_path / "one").load(), Run(tmp_path / "two").load()
    assert two.pop("best") == {"step": 3, "name": "FID", "value": 1.0}
    assert one.pop("best") is None
    assert bits(one) == bits(two)
    assert timeless(tmp_path / "one") == [line for line in timeless(tmp_path / "two") if "scores" not in line]
    assert (tmp_path / "one/samples/00000006.png").read_bytes() == (tmp_path / "two/samples/00000006.png").read_bytes()


def test_a_finished_run_is_left_as_it_is(tmp_path):
    e = small("shapes16-cnn-gn", steps=2)
    train(e, images(e), tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name != "lock"}
    assert train(e, images(e), tmp_path) == 2
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name != "lock"} == before


def test_killed_runs_lose_nothing(tmp_path):
    """Three SIGKILLs, one in the middle of a write; `python tests/programs/killed_run.py` does as many as told."""
    command = [sys.executable, str(HERE / "programs" / "killed_run.py"), str(tmp_path), "--kills", "3"]
    done = subprocess.run(
        [*command, "--experiments", "shapes16-cnn-gn-cr"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "not a bit differs" in done.stdout


# What must not matter


def test_how_often_a_run_is_sampled_and_scored_changes_no_weight(tmp_path):
    e = small("shapes16-resnet-gn")

    def greedy(generator: torch.nn.Module) -> dict[str, float]:
        torch.manual_seed(1)
        with torch.no_grad():
            for p in generator.parameters():
                p.zero_()
        return {"FID": float(torch.randn(10).sum())}

    train(e, images(e), tmp_path / "seldom", cadence=Cadence(NEVER, NEVER, NEVER, NEVER))
    train(e, images(e), tmp_path / "often", cadence=Cadence(1, 1, 1, 1), score=greedy)
    seldom, often = Run(tmp_path / "seldom").load(), Run(tmp_path / "often").load()
    for key in ("generator", "discriminator", "average", "generator_optimizer", "discriminator_optimizer"):
        assert bits(seldom[key]) == bits(often[key])


def test_the_callers_random_state_makes_no_difference():
    e = small("shapes16-cnn-gn")
    weights = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        trainer = Trainer(e, images(e))
        for _ in range(2):
            torch.manual_seed(seed)
            trainer.step()
        weights.append(bits(trainer.generator.state_dict()))
    assert weights[0] == weights[1]


def test_another_seed_trains_another_run():
    e = small("shapes16-cnn-gn")
    one, two = (next(Trainer(e, images(e), seed=seed).generator.parameters()) for seed in (0, 1))
    assert not torch.equal(one, two)


# What goes wrong


@pytest.mark.parametrize("who", ["generator", "discriminator"])
def test_a_quantity_that_is_no_number_stops_the_run_and_keeps_the_last_good_checkpoint(who, tmp_path, monkeypatch):
    e = small("shapes16-cnn-vanilla", steps=9)
    steps = Trainer.step

    def poisoned(self: Trainer) -> None:
        if self.step_number == 5:
            next(getattr(self, who).parameters()).data.fill_(float("nan"))
        steps(self)

    monkeypatch.setattr(Trainer, "step", poisoned)
    message = r"diverged: D_\w+ is not a number .* at step 6; the last good checkpoint is step 4"
    with pytest.raises(UserError, match=message):
        train(
            e,
            images(e),
            tmp_path,
            cadence=Cadence(8, NEVER, 2, NEVER),
        )
    assert max(Run(tmp_path).checkpoints()) == 4
    monkeypatch.undo()
    assert (
        train(
            e,
            images(e),
            tmp_path,
            cadence=Cadence(8, NEVER, 2, NEVER),
        )
        == 9
    )


def test_a_checkpoint_never_holds_weights_that_are_no_numbers(tmp_path, monkeypatch):
    """The update after the last loss can spoil the weights while every loss was finite: the weights are looked at."""
    e = small("shapes16-cnn-vanilla")
    steps = Trainer.step

    def poisoned(self: Trainer) -> None:
        steps(self)
        if self.step_number == 4:
            next(self.generator.parameters()).data.fill_(float("inf"))

    monkeypatch.setattr(Trainer, "step", poisoned)
    with pytest.raises(
        UserError, match=r"G's weights is not a number .* at step 4; the last good checkpoint is step 2"
    ):
        train(
            e,
            images(e),
            tmp_path,
            cadence=Cadence(NEVER, NEVER, 2, NEVER),
        )


def test_a_run_of_another_experiment_is_not_continued(tmp_path):
    e = small("shapes16-cnn-gn", steps=2)
    train(e, images(e), tmp_path)
    before = (tmp_path / "experiment.json").read_bytes()
    for other, seed, difference in (
        (e.changed(loss="wasserstein"), 0, "loss=hinge, not wasserstein"),
        (small("shapes16-resnet-gn", steps=2), 0, "architecture=cnn, not resnet"),
        (e.changed(width=2), 0, "width=1, not 2"),
        (e, 1, "seed=0, not 1"),
    ):
        with pytest.raises(UserError, match=f"was trained with {difference}"):
            train(other, images(e), tmp_path, seed=seed)
    assert (tmp_path / "experiment.json").read_bytes() == before


def test_a_checkpoint_from_before_an_option_existed_goes_on_with_its_default():
    e = small("shapes16-cnn-gn")
    state = Trainer(e, images(e)).state()
    del state["execution"]["capture"]
    Trainer(e, images(e)).restore(state, "here")
    with pytest.raises(UserError, match="here was trained with capture=eager, not compiled"):
        Trainer(e, images(e), execution=Execution(capture="compiled")).restore(state, "here")


def test_images_that_do_not_fit_the_experiment_are_refused():
    with pytest.raises(UserError, match="expected images of 16 pixels, got 32"):
        Trainer(small("shapes16-cnn-gn"), ImageSet(torch.zeros(9, 3, 32, 32, dtype=torch.uint8)))
    with pytest.raises(UserError, match="expected images of 10 classes, got images without labels"):
        Trainer(small("shapes-biggan-gn"), ImageSet(torch.zeros(9, 3, 32, 32, dtype=torch.uint8)))


def test_a_run_goes_on_only_with_its_data_versions_and_device(tmp_path, monkeypatch):
    """Refused with what was and what is; admitted, experiment.json keeps what was until which step."""
    e = small("shapes16-cnn-gn", steps=6)
    stopped = iter([3, 4, 5])

    def some_steps(data: ImageSet, **options: object) -> None:
        """Go on until a signal comes in the course of scoring."""
        until = next(stopped)

        def interrupt(_: object) -> dict[str, float]:
            if Run(tmp_path).metrics()[-1]["step"] == until:
                os.kill(os.getpid(), signal.SIGTERM)
            return {"FID": 1.0}

        cadence = Cadence(1, NEVER, NEVER, 1)
        assert train(e, data, tmp_path, cadence=cadence, score=interrupt, **options) == until

    some_steps(images(e))
    first = Run(tmp_path).description()
    assert "history" not in first
    other = ImageSet(255 - images(e).images, images(e).labels)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.json*")}
    with pytest.raises(UserError, match=r"data: 40 images with SHA-256 \w{16} then, .* now; .* --admit-changes"):
        train(e, other, tmp_path)
    monkeypatch.setattr(torch, "__version__", "0.0")
    with pytest.raises(UserError, match=r"PyTorch: .* then, 0.0 now"):
        train(e, images(e), tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.json*")} == before
    some_steps(other, admit_changes=True)
    second = Run(tmp_path).description()
    assert (second["torch"], second["data"] == first["data"]) == ("0.0", False)
    kept = {key: first[key] for key in ("gnref", "commit", "torch", "data", "device")}
    assert second["history"] == [{"until": 3, **kept}]
    some_steps(other)
    assert Run(tmp_path).description() == second


def test_a_folder_whose_experiment_is_none_is_left_as_it_is(tmp_path):
    e = small("shapes16-cnn-gn", steps=1)
    (tmp_path / "experiment.json").write_text("{}")
    with pytest.raises(UserError, match=r"experiment.json is damaged"):
        train(e, images(e), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["experiment.json"]


def test_a_forged_checkpoint_is_one_sentence():
    e = small("shapes16-cnn-gn", steps=4)
    good = Trainer(e, images(e)).state()
    for key, value in (
        ("experiment", {"name": "x"}),
        ("experiment", 3),
        ("execution", None),
        ("generator_optimizer", {"state": {}, "param_groups": []}),
        ("generator_optimizer", 7),
        ("discriminator", {"x": torch.zeros(1)}),
        ("tally", {}),
        ("tally", {"sums": torch.zeros(99), "counts": 3}),
    ):
        with pytest.raises(UserError, match=r"^here"):
            Trainer(e, images(e)).restore({**good, key: value}, "here")


def test_ctrl_c_saves_and_interrupts_what_would_follow(tmp_path: Path) -> None:
    e = small("shapes16-cnn-gn", steps=4)

    def press(_: object) -> dict[str, float]:
        os.kill(os.getpid(), signal.SIGINT)
        return {"FID": 1.0}

    cadence = Cadence(1, NEVER, NEVER, 2)
    with pytest.raises(KeyboardInterrupt, match="step 2 of 4, stopped and saved; the same command goes on"):
        train(e, images(e), tmp_path / "run", cadence=cadence, score=press)
    assert list(Run(tmp_path / "run").checkpoints()) == [2]
    assert train(e, images(e), tmp_path / "run", cadence=cadence, score=lambda _: {"FID": 1.0}) == 4


def test_the_digest_of_images_on_disk_is_of_every_file_and_of_the_labels_and_does_not_ask_for_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """300 files, one pixel of any changed; decoded into memory or not is the same; a moved file has another label."""
    monkeypatch.setenv("GNREF_CACHE", str(tmp_path / "cache"))
    pictures = shapes(300, 16, seed=3)[0].permute(0, 2, 3, 1).numpy().copy()
    places = [tmp_path / "images" / "ab"[n // 150] / f"{n:03}.png" for n in range(300)]
    for place, picture in zip(places, pictures, strict=True):
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(place)

    def digest() -> str:
        files = folder_of_images(tmp_path / "images", 16)
        facts = data_facts(files, None)
        assert facts == data_facts(files.in_memory(), None)
        return str(facts["sha256"])

    first = digest()
    assert digest() == first
    for n in (1, 298):
        pictures[n, 0, 0, 0] ^= 1
        Image.fromarray(pictures[n]).save(places[n])
        assert digest() != first
        pictures[n, 0, 0, 0] ^= 1
        Image.fromarray(pictures[n]).save(places[n])
        assert digest() == first
    places[149].rename(tmp_path / "images" / "b" / "149.png")
    assert digest() != first


@pytest.mark.skipif("GNREF_CIFAR_JPEG" not in os.environ, reason="GNREF_CIFAR_JPEG does not name a folder of CIFAR-10")
def test_real_images_train_a_narrow_experiment_of_the_appendix(tmp_path):
    """CIFAR-10 (JPEG), the 10,000 test images: a run of two steps, its samples and its checkpoint."""
    data = load("cifar10", Path(os.environ["GNREF_CIFAR_JPEG"]) / "test", 32)
    assert len(data) == 10_000
    for method in ("gn", "sn", "vanilla"):
        e = EXPERIMENTS[f"cifar10-resnet-{method}"].changed(width=2, batch=8, generator_batch=8, steps=2)
        assert train(e, data, tmp_path / method, tensorboard=False) == 2
        assert (tmp_path / method / "samples" / "00000002.png").exists()


def test_a_checkpoint_names_the_layout_it_was_trained_in():
    """Not the word `fastest`: what is measured to be the fastest may change, a run that was started does not."""
    e = small("shapes16-cnn-gn")
    trainer = Trainer(e, images(e))
    state = trainer.state()
    assert state["execution"]["layout"] == trainer.execution.layout == fastest(e)
    Trainer(e, images(e)).restore(state, "here")
    other = next(layout for layout in ("plain", "channels-last") if layout != fastest(e))
    with pytest.raises(UserError, match=f"here was trained with layout={fastest(e)}, not {other}"):
        Trainer(e, images(e), execution=Execution(layout=other)).restore(state, "here")
