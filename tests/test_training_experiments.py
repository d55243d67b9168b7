"""Experiments: every row of the appendix, its settings with their sources, and what makes no sense."""

import json
from pathlib import Path

import pytest

from gnref.errors import UserError
from gnref.training.experiment import from_settings, overridden
from gnref.training.experiments import EXPERIMENTS, TODAY
from gnref.training.listing import cells, find
from gnref.training.schedule import moment

HERE = Path(__file__).parent


def test_every_row_of_the_appendix_has_an_experiment():
    rows = [
        *(f"{data}-{net}-gn{cr}" for data in ("cifar10", "stl10") for net in ("cnn", "resnet") for cr in ("", "-cr")),
        *(f"{data}-cnn-gn{cr}-original" for data in ("cifar10", "stl10") for cr in ("", "-cr")),
        *(f"{d}-{net}-{m}-original" for d in ("cifar10", "stl10") for net in ("cnn", "resnet") for m in ("sn", "1-gp")),
        *(f"cifar10-{net}-gn-{loss}" for net in ("cnn", "resnet") for loss in ("ns", "ns-without-sigmoid")),
        *(f"cifar10-resnet-{method}" for method in ("vanilla", "sn", "1-gp", "gn")),
        *(
            f"cifar10-cnn-{m}-{a}"
            for m in ("vanilla", "sn", "1-gp", "gn")
            for a in ("elu", "relu", "softplus", "softplus-20")
        ),
        *(f"{data}-{net}-{gn}" for data in ("cifar10", "stl10") for net in ("cnn", "resnet") for gn in ("gn0", "gn1")),
        *("cifar10-biggan" + method for method in ("", "-cr", "-gn", "-gn-cr")),
        *(f"{data}-resnet-{m}" for data in ("celebahq-256", "lsun-church-256") for m in ("gn", "sn")),
        *("celebahq-128-resnet-gn", "celebahq-1024-stylegan-gn", "cifar10-cnn-gn-original", "shapes-resnet-gn"),
    ]
    assert set(rows) <= set(EXPERIMENTS)


def today(name: str) -> bool:
    """Whether an experiment is of a method of today."""
    return any(name.endswith(f"-{method}") for method in TODAY)


BIGGANS = ("cifar10-biggan", "cifar10-biggan-cr", "cifar10-biggan-original")


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_setting_has_a_source_and_json_brings_it_back(name):
    experiment = EXPERIMENTS[name]
    settings = json.loads(json.dumps(experiment.settings()))
    assert from_settings(settings) == experiment
    assert set(experiment.sources) >= settings.keys() - {"name"}
    assert experiment.name == name
    others = dict.fromkeys(BIGGANS, "original configuration") | {
        each: "its authors" for each in EXPERIMENTS if today(each)
    }
    assert experiment.sources["normalization"] == others.get(name, "appendix D")
    assert (experiment.sources["dataset"] == "ours") == name.startswith(("shapes", "ring", "grid"))


def test_the_appendix_is_followed():
    """[GN, appendix D], number by number."""
    unconditional = EXPERIMENTS["cifar10-cnn-gn"], EXPERIMENTS["cifar10-resnet-gn-cr"], EXPERIMENTS["stl10-resnet-gn"]
    for e in unconditional:
        assert (e.lr_generator, e.lr_discriminator, e.beta1, e.beta2, e.batch) == (2e-4, 4e-4, 0, 0.9, 64)
        assert (e.n_dis, e.steps, e.decay, e.flip, e.score_ema) == (5, 200_000, "linear", True, False)
    e = EXPERIMENTS["cifar10-biggan-gn-cr"]
    assert (e.lr_generator, e.lr_discriminator, e.beta1, e.beta2, e.batch) == (1e-4, 2e-4, 0, 0.999, 50)
    assert (e.n_dis, e.steps, e.ema_decay, e.score_ema, e.consistency_weight) == (4, 125_000, 0.9999, True, 5)
    for name in ("celebahq-256-resnet-gn", "lsun-church-256-resnet-gn"):
        e = EXPERIMENTS[name]
        assert (e.lr_generator, e.lr_discriminator, e.beta1, e.beta2, e.batch) == (2e-4, 2e-4, 0, 0.9, 64)
        assert (e.n_dis, e.steps, e.ema_decay, e.score_ema) == (5, 100_000, 0.9999, True)
    e = EXPERIMENTS["celebahq-1024-stylegan-gn"]
    assert (e.loss, e.penalty, e.normalization, e.beta1, e.beta2) == ("hinge", "none", "gn", 0, 0.99)
    rates = {now.resolution: now.lr_discriminator for step in range(0, e.steps, 500) for now in [moment(e, step)]}
    assert rates == {8: 1e-3, 16: 1e-3, 32: 1e-3, 64: 1e-3, 128: 1.5e-3, 256: 1.5e-3, 512: 1.5e-3, 1024: 1.5e-3}


def test_the_original_recipes_are_those_of_its_files():
    for data in ("cifar10", "stl10"):
        for cr, weight in (("", 0), ("-cr", 5)):
            e = EXPERIMENTS[f"{data}-cnn-gn{cr}-original"]
            assert (e.loss, e.n_dis, e.lr_discriminator, e.lr_generator) == ("non-saturating", 1, 2e-4, 2e-4)
            assert (e.decay, e.steps, e.initialization, e.consistency_weight) == ("none", 200_000, "original", weight)
        for net, n_dis, decay in (("cnn", 1, "none"), ("resnet", 5, "linear")):
            for method, loss in (("sn", "hinge"), ("1-gp", "wasserstein")):
                e = EXPERIMENTS[f"{data}-{net}-{method}-original"]
                assert (e.lr_generator, e.lr_discriminator, e.steps) == (2e-4, 2e-4, 100_000)
                assert (e.n_dis, e.decay, e.loss, e.batch, e.generator_batch) == (n_dis, decay, loss, 64, 128)
            assert EXPERIMENTS[f"{data}-{net}-sn-cr"].consistency_weight == 10
    e = EXPERIMENTS["cifar10-biggan-original"]
    assert (e.lr_generator, e.lr_discriminator, e.initialization, e.normalization) == (2e-4, 2e-4, "original", "sn")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"penalty": "1-gp", "penalty_weight": 10.0}, "GN already bounds D's gradient"),
        ({"penalty_weight": 1.0}, "penalty_weight without a penalty"),
        ({"normalization": "none", "penalty": "0-gp"}, "needs a positive penalty_weight"),
        ({"normalization": "none", "loss": "wasserstein"}, "without a bound on D's gradient"),
        ({"normalization": "sn", "loss": "non-saturating-without-sigmoid"}, "only GN gives"),
        ({"normalization": "gn0", "loss": "non-saturating-without-sigmoid"}, "only GN gives"),
        ({"normalization": "gn+sn"}, "normalization is one of none, sn, gn, gn1, gn0, gran"),
        ({"classes": 10}, "resnet is unconditional"),
        ({"architecture": "biggan"}, "BigGAN is conditional"),
        ({"initialization": "original"}, "only the CNN and BigGAN"),
        ({"power_iteration": "original"}, "without a spectral norm"),
        ({"coupled": True}, "StyleGAN's minibatch standard deviation"),
        ({"phase_images": 10}, "only StyleGAN grows"),
        ({"score_ema": True, "ema_decay": 0.0}, "ema_decay is 0"),
        ({"consistency_weight": -1.0}, "must not be negative"),
        ({"ema_decay": 1.0}, r"in \[0, 1\)"),
        ({"batch": 0}, "batch must be positive"),
        ({"lipschitz_constant": 2.0}, "is GraN's K; gn has none"),
        ({"normalization": "gran", "lipschitz_constant": 0.0}, "lipschitz_constant must be positive"),
        ({"normalization": "gran", "penalty": "r1", "penalty_weight": 1.0}, "only flattens D"),
    ],
)
def test_a_senseless_combination_is_refused_by_name(changes, complaint):
    with pytest.raises(UserError, match=f"cifar10-resnet-gn: .*{complaint}"):
        EXPERIMENTS["cifar10-resnet-gn"].changed(**changes)


def test_settings_are_given_by_name():
    e = overridden(find("cifar10-resnet-gn"), ["loss=wasserstein", "n_dis=1", "flip=false", "beta2=0.5"])
    assert (e.loss, e.n_dis, e.flip, e.beta2, e.sources["n_dis"]) == ("wasserstein", 1, False, 0.5, "ours")
    for wrong in ("los=hinge", "n_dis", "n_dis=one", "flip=maybe", "name=x"):
        with pytest.raises(UserError):
            overridden(e, [wrong])
    with pytest.raises(UserError, match="did you mean cifar10-resnet-gn"):
        find("cifar-resnet-gn")


def test_shards_split_the_cells():
    names, seeds = ("a", "b"), (0, 1, 2)
    parts = [cells(names, seeds, f"{i}/4") for i in range(1, 5)]
    assert sorted(cell for part in parts for cell in part) == sorted((name, seed) for name in names for seed in seeds)
    for wrong in ("0/4", "5/4", "1", "a/b"):
        with pytest.raises(UserError, match="--shard: expected i/n"):
            cells(names, seeds, wrong)
