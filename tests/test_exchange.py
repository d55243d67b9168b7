"""Weights in and out: the original code's checkpoints, safetensors, model cards; bit for bit."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from subjects.original_layout import discriminator, generator
from subjects.small_experiments import bits, command, images, small

from gnref.errors import UserError
from gnref.exchange.exporting import export
from gnref.exchange.importing import import_weights
from gnref.exchange.names import original_name, to_original
from gnref.exchange.reading import read_original
from gnref.runs import Run, load_generator
from gnref.training.cadence import Cadence
from gnref.training.experiments import EXPERIMENTS
from gnref.training.objectives import make_networks
from gnref.training.train import train

NAMES = ["cifar10-cnn-gn", "cifar10-resnet-gn", "cifar10-biggan-gn"]
WHO = {"generator": "generator", "average": "generator", "discriminator": "discriminator"}


def original_checkpoint(name: str, prefix: str = "") -> dict:
    """As the original code saves one: networks' weights, scores as NumPy numbers, and what a scheduler keeps."""
    torch.manual_seed(0)
    e = EXPERIMENTS[name].changed(width=2, latent=6)
    made = {"net_G": generator(e), "net_D": discriminator(e), "ema_G": generator(e)}
    return (
        {
            **{key: {prefix + k: v for k, v in net.state_dict().items()} for key, net in made.items()},
            "sched_G": {"base_lrs": [2e-4], "last_epoch": 7, "lr_lambdas": [None]},
            "best_IS": np.float64(7.5),
            "best_FID": np.float32(20.0),
            "fixed_z": torch.zeros(2, 6),
            "step": 7,
        },
        made,
        e,
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_checkpoint_of_the_original_computes_the_same(name, prefix, tmp_path):
    """Images and scores of the original's layers and of ours, with the weights moved over, in float64.

    Both sum the same products, in other orders where resampling is fused: equal to 2^-40, which is 2^-53 for each of
    fewer than 2^13 terms.
    """
    checkpoint, made, e = original_checkpoint(name, prefix)
    torch.save(checkpoint, tmp_path / "model.pt")
    step, weights = read_original(tmp_path / "model.pt", e)
    assert step == 7
    g, d = make_networks(e)
    z, x, y = torch.randn(3, 6, dtype=torch.float64), torch.rand(3, 3, 32, 32, dtype=torch.float64), torch.arange(3)
    for key, who, ours, given in (
        ("net_G", "generator", g, z),
        ("ema_G", "average", g, z),
        ("net_D", "discriminator", d, x),
    ):
        ours.load_state_dict(weights[who])
        results = [net.double().eval()(given, *((y,) if e.classes else ())) for net in (ours, made[key])]
        assert (results[0] - results[1]).abs().max() <= 2**-40 * results[1].abs().max()
        ours.float()


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_the_originals_and_every_weight_comes_back_to_the_bit(name, tmp_path):
    checkpoint, _, e = original_checkpoint(name)
    torch.save(checkpoint, tmp_path / "model.pt")
    _, weights = read_original(tmp_path / "model.pt", e)
    for key, name_of in (("net_G", "generator"), ("ema_G", "average"), ("net_D", "discriminator")):
        assert bits(to_original(e, WHO[name_of], weights[name_of])) == bits(dict(checkpoint[key]))


def run_of(name: str, folder: Path) -> Path:
    e = small(name, steps=2)
    train(e, images(e), folder, cadence=Cadence(score_every=1), score=lambda _: {"FID": 12.5})
    return folder


@pytest.mark.parametrize("name", ["shapes16-cnn-gn", "shapes16-resnet-gn", "shapes-biggan-gn"])
@pytest.mark.parametrize("layout", ["--safetensors", "--original"])
def test_export_and_import_are_each_others_inverse(name, layout, tmp_path, capsys, monkeypatch):
    run = run_of(name, tmp_path / "run")
    out, back = tmp_path / "out", tmp_path / "back"
    assert command(capsys, monkeypatch, "export", str(run), layout, "--out", str(out))[0] == 0
    e = small(name, steps=2)
    settings = [f"{key}={getattr(e, key)}" for key in ("width", "latent", "batch", "generator_batch", "steps")]
    source = [str(out)] if layout == "--safetensors" else [str(out / "model.pt"), name, "--settings", *settings]
    code, says, err = command(capsys, monkeypatch, "import", *source, "--folder", str(back))
    assert (code, err) == (0, "")
    assert "weights of step 2" in says
    before, after = Run(run).load(), Run(back).load()
    for key in ("generator", "average", "discriminator"):
        assert bits(before[key]) == bits(after[key])
    assert bits(load_generator(run).state_dict()) == bits(load_generator(back).state_dict())
    assert Run(back).description()["imported"]["step"] == 2
    with pytest.raises(UserError, match="was imported without its optimizers"):
        train(e, images(e), back)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"generator": {"class": "CNNGenerator", "arguments": {"depth": 3}}}, "CNNGenerator that cannot be built"),
        ({"generator": {"class": "CNNGenerator", "arguments": "size"}}, "CNNGenerator that cannot be built"),
        ({"generator": {"class": "os.system", "arguments": {}}}, "a generator this version does not have"),
    ],
)
def test_what_could_not_be_loaded_is_not_exported(change, says, tmp_path):
    run = run_of("shapes16-cnn-gn", tmp_path / "run")
    Run(run).describe({**Run(run).description(), **change})
    with pytest.raises(UserError, match=says):
        export(run, safetensors=True, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["shapes16-resnet-gn", "shapes-biggan-gn"])
def test_the_model_card_loads_without_the_trainer(name, tmp_path, capsys, monkeypatch):
    """Its program, in a fresh interpreter that has no `gnref.training`, draws what the run's generator draws."""
    run = run_of(name, tmp_path / "run")
    assert command(capsys, monkeypatch, "export", str(run), "--safetensors")[0] == 0
    out = run / "export"
    card = (out / "README.md").read_text()
    assert f"| experiment | {name} |" in card
    assert "| FID, at update 2 | 12.5 |" in card
    assert f"| commit of gnref | {Run(run).description()['commit']} |" in card
    program = card.split("```python\n")[1].split("```")[0]
    refuse = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[:2] in (["gnref", "training"], ["gnref", "runs"], ["gnref", "exchange"]):
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
import torch
torch.manual_seed(5)
"""
    done = subprocess.run(
        [sys.executable, "-c", refuse + program + "torch.save(images, 'images.pt')"],
        cwd=out,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    torch.manual_seed(5)
    e = small(name)
    labels = (torch.arange(16) % e.classes,) if e.classes else ()
    with torch.no_grad():
        expected = load_generator(run)(torch.randn(16, e.latent), *labels)
    assert torch.equal(torch.load(out / "images.pt", weights_only=True), expected)


def test_what_is_no_checkpoint_of_the_original_is_refused(tmp_path):
    class Evil:
        def __reduce__(self) -> tuple:
            return print, ("run",)

    checkpoint, _, e = original_checkpoint("cifar10-cnn-gn")
    path = tmp_path / "model.pt"
    del checkpoint["net_D"]
    for content, says in (
        ({"net_G": Evil()}, "no checkpoint of tensors and numbers"),
        (checkpoint, "it has no net_D"),
        (torch.zeros(3), "it has no net_G, ema_G, net_D"),
        ({**checkpoint, "net_D": {"linear.weight": torch.zeros(3)}}, "another architecture than CNNDiscriminator"),
    ):
        torch.save(content, path)
        with pytest.raises(UserError, match=says):
            read_original(path, e)
    path.write_bytes(b"no pickle")
    with pytest.raises(UserError, match="no checkpoint of tensors and numbers"):
        read_original(path, e)
    with pytest.raises(UserError, match="could not be read: No such file"):
        read_original(tmp_path / "nowhere.pt", e)
    os.mkfifo(tmp_path / "pipe.pt")
    with pytest.raises(UserError, match="is no file but a pipe"):
        read_original(tmp_path / "pipe.pt", e)
    with pytest.raises(UserError, match="say which experiment it was"):
        import_weights(path)
    with pytest.raises(UserError, match="is no export of gnref"):
        import_weights(tmp_path)
    with pytest.raises(UserError, match="the original code has no stylegan"):
        original_name(EXPERIMENTS["shapes-stylegan-gn"], "generator", "constant")
