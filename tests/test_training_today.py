"""Methods of today and points in the plane, as experiments of the trainer."""

import pytest
import torch
from subjects.small_experiments import bits, images, small

from gnref import gradient_normalize
from gnref.data.load import load
from gnref.errors import UserError
from gnref.runs import load_generator
from gnref.training.cadence import Cadence
from gnref.training.experiments import EXPERIMENTS, METHODS, TODAY
from gnref.training.objectives import scores_of
from gnref.training.pictures import scattered
from gnref.training.train import train
from gnref.training.trainer import Trainer

POINTS = load("ring", None, 2)


def _trainer(name: str, seed: int = 0, **settings: object) -> Trainer:
    e = small(name, **settings)
    return Trainer(e, POINTS if e.dataset == "ring" else images(e), seed)


@pytest.mark.parametrize("method", [*METHODS, *(name for name in TODAY if "augmentation" not in TODAY[name])])
def test_every_method_trains_points(method: str) -> None:
    trainer = _trainer(f"ring-mlp-{method}", width=4, replicas=2)
    before = bits(trainer.state()["discriminator"])
    for _ in range(3):
        trainer.step()
    assert trainer.tally.first_bad() is None
    assert bits(trainer.state()["discriminator"]) != before
    with trainer.sampler() as generator:
        assert generator(torch.zeros(6, 4)).shape == (6, 2)


def test_replicas_of_one_run_differ_and_a_run_is_a_function_of_its_seed() -> None:
    found = []
    for seed in (3, 3, 4):
        trainer = _trainer("ring-mlp-gn", seed, replicas=2, width=8)
        for _ in range(3):
            trainer.step()
        found.append(trainer.state()["generator"])
    assert bits(found[0]) == bits(found[1])
    assert bits(found[0]) != bits(found[2])
    assert all(not torch.equal(weight[0], weight[1]) for weight in found[0].values())


@pytest.mark.parametrize("every", [1, 3])
def test_a_lazy_penalty_has_its_turn_at_every_so_many_updates(every: int) -> None:
    """Eight updates of D in four steps: the first, and then every third, are penalized."""
    trainer = _trainer("shapes16-resnet-r1", n_dis=2, penalty_every=every)
    for _ in range(4):
        trainer.step()
    counted = dict(zip(("loss", "penalty"), (trainer.tally.counts[0], trainer.tally.counts[4]), strict=True))
    assert counted == {"loss": 8, "penalty": -(-8 // every)}


def test_gran_multiplies_its_scores_by_its_constant() -> None:
    """K · f g/(g² + ε): the scores of two networks of the same weights, the one with four times the K."""
    x = torch.randn(6, 2, generator=torch.Generator().manual_seed(1))
    scores = []
    for k in (1.0, 4.0):
        trainer = _trainer("ring-mlp-gran", lipschitz_constant=k, width=4)
        scores.append(scores_of(trainer.experiment, trainer.discriminator)(x))
    f = _trainer("ring-mlp-gran", width=4).discriminator
    assert torch.equal(scores[1], 4 * scores[0])
    assert torch.equal(scores[0], gradient_normalize(f, x, zeta="gran"))


def test_a_lazy_penalty_weighs_so_many_times_as_much() -> None:
    """The first update of both is penalized: the lazy one as the other with four times the weight, bit for bit."""
    lazy = _trainer("ring-mlp-r1", penalty_every=4, penalty_weight=2.0)
    heavy = _trainer("ring-mlp-r1", penalty_weight=8.0)
    for trainer in (lazy, heavy):
        trainer.step()
    assert bits(lazy.state()["discriminator"]) == bits(heavy.state()["discriminator"])


def test_diffaugment_changes_what_d_and_g_learn_from() -> None:
    plain, augmented = _trainer("shapes16-resnet-gn"), _trainer("shapes16-resnet-gn-diffaugment")
    for trainer in (plain, augmented):
        trainer.step()
    for network in ("generator", "discriminator"):
        assert bits(plain.state()[network]) != bits(augmented.state()[network])


@pytest.mark.parametrize("method", ["lecam", "r1-every-16", "gn-relativistic", "r3gan"])
def test_a_run_of_points_resumes_bit_for_bit(tmp_path, method: str) -> None:
    """LeCam's running means are part of the checkpoint; the penalty's turn is a function of the step."""
    e, cadence = (
        small(f"ring-mlp-{method}", steps=8),
        Cadence(log_every=8, sample_every=8, checkpoint_every=4, score_every=8),
    )
    train(e, POINTS, tmp_path / "whole", cadence=cadence)
    half = Trainer(e, POINTS)
    for _ in range(4):
        half.step()
    resumed = Trainer(e, POINTS)
    resumed.restore(half.state(), "here")
    for _ in range(4):
        resumed.step()
    whole = load_generator(tmp_path / "whole")
    assert bits(dict(whole.state_dict())) == bits(dict(resumed.average.state_dict()))
    assert (tmp_path / "whole" / "samples" / "00000008.png").exists()


@pytest.mark.parametrize(
    ("name", "changes", "complaint"),
    [
        ("cifar10-resnet-gn", {"penalty": "r1", "penalty_weight": 1.0}, "only rewards scores of ±1"),
        ("cifar10-resnet-gn", {"penalty": "r1-r2", "penalty_weight": 1.0}, "only rewards scores of ±1"),
        ("cifar10-resnet-gn", {"penalty_every": 4}, "penalty_every without a penalty"),
        ("cifar10-resnet-gn", {"loss": "relativistic"}, "must be equal"),
        ("cifar10-resnet-gn", {"replicas": 2}, "replicas are for points"),
        ("cifar10-resnet-gn", {"dataset": "ring"}, "points, which the mlp takes"),
        ("cifar10-resnet-gn", {"lecam_weight": -1.0}, "must not be negative"),
        ("cifar10-resnet-gn-lecam", {"loss": "relativistic", "generator_batch": 64}, "leaves the scores' level open"),
        ("ring-mlp-gn", {"flip": True}, "neither flipped nor augmented"),
        ("ring-mlp-gn", {"augmentation": "diffaugment"}, "neither flipped nor augmented"),
        ("ring-mlp-gn", {"replicas": 5}, "multiples of the 5 replicas"),
        ("cifar10-biggan-gn", {"loss": "relativistic"}, "a real of any class"),
        ("celebahq-1024-stylegan-gn", {"augmentation": "diffaugment"}, "not augmented here"),
    ],
)
def test_what_is_not_well_defined_is_refused_with_its_reason(name: str, changes: dict, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        EXPERIMENTS[name].changed(**changes)


def test_points_are_drawn_where_they_lie() -> None:
    """Of four points one is outside and one is no number; (-6, -6) is the lower left corner, the middle the middle."""
    points = torch.tensor([[-6 + 1e-6, -6 + 1e-6], [0.0, 0.0], [7.0, 0.0], [float("nan"), 0.0]])
    image = scattered(points, reach=6, pixels=4)
    assert (image[0] == 0).nonzero().tolist() == [[1, 2], [3, 0]]
