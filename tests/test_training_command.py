"""`gnref train` and `gnref sample`, and the pictures they write."""

from pathlib import Path

import pytest
import torch
from subjects.small_experiments import command, images, small

from gnref.evaluation import PROTOCOLS
from gnref.runs import Run, load_generator
from gnref.training import command as command_module
from gnref.training.experiment import from_settings
from gnref.training.experiments import EXPERIMENTS
from gnref.training.pictures import grid, samples, save_png
from gnref.training.train import train

HERE = Path(__file__).parent


# The command line


def test_the_command_line_trains_resumes_and_samples(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gnref.data.load.SHAPES_COUNT", 40)
    tiny = ["--settings", "width=1", "latent=4", "batch=4", "generator_batch=4", "--no-tensorboard"]
    code, out, _ = command(capsys, monkeypatch, "train", "shapes16-cnn-gn", "--steps", "2", *tiny)
    assert code == 0
    assert out.splitlines() == [
        "gnref: runs/shapes16-cnn-gn-seed0: step 2 of 2, done",
        "  pictures    runs/shapes16-cnn-gn-seed0/samples/00000002.png",
        "  more        gnref sample runs/shapes16-cnn-gn-seed0 --count 64",
        "  scores      gnref evaluate runs/shapes16-cnn-gn-seed0 --protocol shapes-16",
    ]
    assert (tmp_path / "runs/shapes16-cnn-gn-seed0/samples/00000002.png").is_file()
    run = tmp_path / "runs" / "shapes16-cnn-gn-seed0"
    described = Run(run).description()
    assert from_settings(described["experiment"]).steps == 2
    code, out, _ = command(capsys, monkeypatch, "sample", str(run), "--count", "5")
    assert code == 0
    assert sorted(path.name for path in (run / "sampled").iterdir()) == [f"{i:06d}.png" for i in range(5)]
    assert (run / "sampled-grid.png").stat().st_size > 0
    code, _, err = command(capsys, monkeypatch, "train", "shapes16-cnn-gn", "--steps", "3", *tiny)
    assert (code, err.splitlines()[-1]) == (2, err.splitlines()[-1])
    assert "was trained with steps=2, not 3" in err


def test_the_list_shows_every_setting_with_its_source(capsys, monkeypatch):
    code, out, _ = command(capsys, monkeypatch, "train", "--list")
    assert code == 0
    assert all(f"  {name}" in out for name in EXPERIMENTS)
    assert max(map(len, out.splitlines())) <= 100
    _, out, _ = command(capsys, monkeypatch, "train", "--list", "biggan-gn")
    listed = {line.split()[0] for line in out.splitlines() if line.startswith("  ") and not line.startswith("    ")}
    assert listed == {name for name in EXPERIMENTS if "biggan-gn" in name}
    _, out, _ = command(capsys, monkeypatch, "train", "cifar10-cnn-gn", "--list")
    lines = {line.split()[0]: line for line in out.splitlines()[1:]}
    assert set(lines) == EXPERIMENTS["cifar10-cnn-gn"].settings().keys() - {"name"}
    assert lines["n_dis"].split() == ["n_dis", "5", "appendix", "D"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["train", "cifar-resnet-gn"], "there is no experiment 'cifar-resnet-gn'; did you mean"),
        (["train", "cifar10-resnet-gn"], "say --data FOLDER"),
        (["train", "cifar10-resnet-gn", "--data", "nowhere"], "nowhere: expected CIFAR-10"),
        (["train", "celebahq-256-resnet-gn", "--data", "nowhere"], "nowhere: expected a folder of 256 x 256 images"),
        (["train", "shapes-cnn-gn", "--settings", "penalty=1-gp"], "1-gp needs a positive penalty_weight"),
        (["sample", "nowhere"], "nowhere is no run folder"),
        (["sample", "run", "--count", "9" * 30], "--count: expected from 1 to 2^31 - 1 images"),
        (["sample", "run", "--seed", "-1"], "--seed: expected a seed from 0 to 2^32 - 1"),
        (["sample", "run", "--out", ""], "name a folder"),
    ],
)
def test_a_mistake_is_one_sentence_on_stderr(words, says, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = command(capsys, monkeypatch, *words)
    assert code == 2
    assert out == ""
    assert err.startswith("gnref: ")
    assert says in err
    assert len(err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


# Samples


@pytest.mark.parametrize("name", ["shapes16-resnet-gn", "shapes-stylegan-gn"])
def test_a_sample_does_not_depend_on_its_batch_mates(name, tmp_path):
    """Batches of 9 and of 64 give the same images but for roundings: sums in another order may move a byte by one."""
    e = small(name, steps=2)
    train(e, images(e), tmp_path)
    generator = load_generator(tmp_path)
    for layer in generator.modules():
        if hasattr(layer, "noise_gain"):
            torch.nn.init.ones_(layer.noise_gain)  # zero in the beginning: the noise would not be seen
    together = torch.cat(list(samples(generator, 64)))
    few = torch.cat(list(samples(generator, 64, batch=9)))
    assert (together.int() - few.int()).abs().max() <= 1


def test_a_grid_holds_the_images_in_rows(tmp_path):
    from PIL import Image

    images = torch.arange(3, dtype=torch.uint8).view(3, 1, 1, 1).expand(-1, 3, 128, 128) * 100
    save_png(grid(images), tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as picture:
        assert picture.size == (256, 256)
        assert [picture.getpixel(place)[0] for place in ((0, 0), (255, 0), (0, 255), (255, 255))] == [0, 100, 200, 0]


def test_the_last_lines_name_protocols_that_exist():
    assert set(command_module.PROTOCOLS.values()) <= set(PROTOCOLS)
    trained = {(e.dataset, e.size) for e in EXPERIMENTS.values() if e.architecture != "mlp"}
    assert trained <= set(command_module.PROTOCOLS)


def test_grids_and_curves_go_to_tensorboard_and_the_bar_fits(tmp_path, capsys, monkeypatch):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gnref.data.load.SHAPES_COUNT", 40)
    words = ["--steps", "2", "--settings", "width=1", "latent=4", "batch=4", "generator_batch=4", "--folder", "run"]
    code, out, err = command(capsys, monkeypatch, "train", "shapes16-resnet-gn-cr", *words)
    assert code == 0
    assert "  curves      tensorboard --logdir run/tensorboard" in out
    assert max(len(line) for line in err.replace("\r", "\n").splitlines()) <= 80
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    assert [image.step for image in events.Images("samples")] == [1, 2]
    assert "D_loss" in events.Tags()["scalars"]
