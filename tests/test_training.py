"""A training step: every method trains, by its definition."""

from pathlib import Path

import pytest
import torch
from subjects.small_experiments import images, small

from gnref.data.images import ImageSet
from gnref.training.execution import Execution
from gnref.training.experiments import EXPERIMENTS
from gnref.training.objectives import DiscriminatorObjective, make_networks
from gnref.training.schedule import moment
from gnref.training.trainer import Trainer

HERE = Path(__file__).parent


@pytest.mark.parametrize("name", [name for name in EXPERIMENTS if name.startswith("shapes16")])
def test_every_method_changes_every_weight(name):
    e = small(name, steps=2)
    trainer = Trainer(e, images(e))
    before = [p.detach().clone() for p in (*trainer.generator.parameters(), *trainer.discriminator.parameters())]
    for _ in range(2):
        trainer.step()
    after = [*trainer.generator.parameters(), *trainer.discriminator.parameters()]
    assert all(torch.isfinite(p).all() for p in after)
    unchanged = sum(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert unchanged <= 1  # the bias of D's last layer has no gradient where reals and fakes weigh alike
    assert trainer.tally.first_bad() is None


@pytest.mark.parametrize(
    "name",
    [
        "stl10-cnn-gn-cr",
        "stl10-resnet-gn-cr",
        "celebahq-128-resnet-gn",
        "lsun-church-256-resnet-sn",
        "celebahq-1024-stylegan-gn",
    ],
)
def test_two_steps_at_full_resolution_and_reduced_width(name):
    grows = {"phase_images": 1, "batch": 1, "generator_batch": 1} if "stylegan" in name else {}
    e = small(name, **{"batch": 2, "generator_batch": 2, "n_dis": 1, **grows})
    images = torch.randint(
        0, 256, (2, 3, e.size, e.size), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    trainer = Trainer(e, ImageSet(images))
    if grows:
        trainer.step_number = 13  # 1024 pixels fade in, then are held
        assert [moment(e, step).resolution for step in (12, 13, 14)] == [512, 1024, 1024]
    for _ in range(2):
        trainer.step()
    assert trainer.tally.first_bad() is None
    with trainer.sampler() as generator:
        assert generator(torch.zeros(1, e.latent)).shape == (1, 3, e.size, e.size)


@pytest.mark.parametrize("start", [0, 1, 3])
def test_the_average_is_the_recursion_of_its_definition(start):
    """ema ← d · ema + (1 - d) · G from G's first weights, a copy of G before update `ema_start`.

    To float32 rounding of each of six updates.
    """

    def weights() -> dict[str, torch.Tensor]:
        return {k: v.detach().double().clone() for k, v in trainer.generator.state_dict().items()}

    e = small("shapes16-resnet-gn", ema_decay=0.75, ema_start=start)
    trainer = Trainer(e, images(e))
    expected = weights()
    for update in range(1, 7):
        trainer.step()
        now = weights()
        expected = now if update < start else {k: 0.75 * expected[k] + 0.25 * v for k, v in now.items()}
    average = trainer.average.state_dict()
    for key, value in expected.items():
        if average[key].is_floating_point():
            bound = 6 * 4 * 2.0**-24 * value.abs().clamp(min=1)
            assert ((average[key].double() - value).abs() <= bound).all(), key


def test_parts_of_a_batch_add_up_to_its_gradient():
    """In parts, each sum is of the same terms in another order: relative error at most n·2⁻²⁴, n = 4·16·16 terms."""
    gradients = []
    for parts in (1, 2):
        e = small("shapes16-resnet-gn-cr", n_dis=1, lr_generator=1e-30, lr_discriminator=1e-30)
        trainer = Trainer(e, images(e), execution=Execution(accumulate=parts))
        trainer.generator.eval()  # batch norm would see other batches
        trainer.step()
        gradients.append(
            torch.cat(
                [p.grad.flatten() for p in (*trainer.discriminator.parameters(), *trainer.generator.parameters())]
            )
        )
    once, parted = gradients
    assert (parted - once).norm() <= 1024 * 2**-24 * once.norm()


def test_mixed_precision_normalizes_in_float32():
    e = small("shapes16-resnet-gn-cr")
    trainer = Trainer(e, images(e), execution=Execution(mixed_precision=True))
    seen = []
    trainer.discriminator.register_forward_hook(lambda module, given, scores: seen.append(scores.dtype))
    loss = trainer._objectives["D"].scores
    loss.register_forward_hook(lambda module, given, scores: seen.append(scores.dtype))
    trainer.step()
    assert seen[:2] == [torch.bfloat16, torch.float32]
    assert all(p.dtype == torch.float32 and torch.isfinite(p).all() for p in trainer.generator.parameters())


def test_the_discriminators_loss_is_the_weighted_sum_of_its_parts():
    """By hand, from D alone: float32 means in another order, so equal to 8 roundings of numbers below 10."""
    torch.manual_seed(0)
    real, fake, augmented = (torch.rand(4, 3, 16, 16) for _ in range(3))
    e = small("shapes16-cnn-sn", normalization="none", consistency_weight=3.0, penalty="0-gp", penalty_weight=7.0)
    discriminator = make_networks(e)[1]
    parts = DiscriminatorObjective(e, discriminator)(real, fake, augmented, fake, None, None, None)
    scores = [discriminator(x) for x in (real, fake, augmented)]
    hinge = (1 - scores[0]).clamp(min=0).mean() + (1 + scores[1]).clamp(min=0).mean()
    x = fake.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(x).sum(), x)
    penalty = gradient.square().flatten(1).sum(1).mean()
    expected = hinge + 3 * (scores[0] - scores[2]).square().mean() + 7 * penalty
    assert parts["loss"].item() == pytest.approx(expected.item(), abs=8 * 10 * 2**-24)


def test_each_update_of_the_discriminator_sees_the_next_images():
    e = small("shapes16-cnn-gn", n_dis=3)
    trainer = Trainer(e, images(e))
    asked = []
    batches = trainer._batches

    def recorded(start: int, count: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        asked.append((start, count))
        return batches(start, count)

    trainer._batches = recorded
    for _ in range(2):
        trainer.step()
    assert asked == [(start, 4) for start in range(0, 24, 4)]
