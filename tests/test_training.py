"""The trainer: every method trains, a run can be cut anywhere, and nothing around the steps changes a weight."""

import dataclasses
import inspect
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gnref import cli
from gnref.data.images import ImageSet
from gnref.data.shapes import shapes
from gnref.errors import UserError
from gnref.runs import Run, load_generator
from gnref.training.command import cells, find
from gnref.training.distributed import Processes
from gnref.training.execution import Execution
from gnref.training.experiment import Experiment, from_settings, overridden
from gnref.training.experiments import EXPERIMENTS
from gnref.training.objectives import DiscriminatorObjective, make_networks
from gnref.training.pictures import samples, save_grid
from gnref.training.schedule import moment, progressive_steps
from gnref.training.train import Cadence, train
from gnref.training.trainer import Trainer

HERE = Path(__file__).parent
NEVER = 10**9


def small(name: str, steps: int = 6, **settings: object) -> Experiment:
    tiny = {"width": 1, "latent": 4, "batch": 4, "generator_batch": 4, "steps": steps, **settings}
    return EXPERIMENTS[name].changed(**tiny)


@pytest.fixture(scope="module")
def data():
    sets = {size: ImageSet(*shapes(40, size)) for size in (16, 32)}
    return lambda experiment: sets[experiment.size]


def bits(value: object) -> object:
    """A nested structure with its tensors as bytes, so that == compares bits."""
    if isinstance(value, torch.Tensor):
        return value.dtype, value.shape, value.detach().contiguous().flatten().view(torch.uint8).tolist()
    if isinstance(value, dict):
        return {key: bits(each) for key, each in value.items()}
    return [bits(each) for each in value] if isinstance(value, list) else value


def timeless(run: Path) -> list[dict]:
    return [{k: v for k, v in line.items() if k not in ("time", "steps_per_second")} for line in Run(run).metrics()]


# Experiments


def test_every_row_of_the_appendix_has_an_experiment():
    rows = [
        *(f"{data}-{net}-gn{cr}" for data in ("cifar10", "stl10") for net in ("cnn", "resnet") for cr in ("", "-cr")),
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


BIGGANS = ("cifar10-biggan", "cifar10-biggan-cr")


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_setting_has_a_source_and_json_brings_it_back(name):
    experiment = EXPERIMENTS[name]
    settings = json.loads(json.dumps(experiment.settings()))
    assert from_settings(settings) == experiment
    assert set(experiment.sources) >= settings.keys() - {"name"}
    assert experiment.name == name
    assert experiment.sources["normalization"] == ("original configuration" if name in BIGGANS else "appendix D")
    assert (experiment.sources["dataset"] == "ours") == name.startswith("shapes")


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


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"penalty": "1-gp", "penalty_weight": 10.0}, "GN already bounds D's gradient"),
        ({"penalty_weight": 1.0}, "penalty_weight without a penalty"),
        ({"normalization": "none", "penalty": "0-gp"}, "needs a positive penalty_weight"),
        ({"normalization": "none", "loss": "wasserstein"}, "without a bound on D's gradient"),
        ({"normalization": "sn", "loss": "non-saturating-without-sigmoid"}, "only GN gives"),
        ({"normalization": "gn0", "loss": "non-saturating-without-sigmoid"}, "only GN gives"),
        ({"normalization": "gn+sn"}, "normalization is one of none, sn, gn, gn1, gn0"),
        ({"classes": 10}, "resnet is unconditional"),
        ({"architecture": "biggan"}, "BigGAN is conditional"),
        ({"initialization": "original"}, "only the CNN"),
        ({"coupled": True}, "StyleGAN's minibatch standard deviation"),
        ({"phase_images": 10}, "only StyleGAN grows"),
        ({"score_ema": True, "ema_decay": 0.0}, "ema_decay is 0"),
        ({"consistency_weight": -1.0}, "must not be negative"),
        ({"ema_decay": 1.0}, r"in \[0, 1\)"),
        ({"batch": 0}, "batch must be positive"),
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


# Schedules


def test_the_learning_rates_decay_to_zero_linearly():
    e = small("shapes-resnet-gn", steps=4, lr_generator=1.0)
    assert [moment(e, step).lr_generator for step in range(4)] == [1.0, 0.75, 0.5, 0.25]


def test_stylegan_grows_as_its_schedule_says():
    """600,000 images a phase; batches 256, 128, 64, 32 at 8, 16, 32, 64 pixels; Adam anew at each phase."""
    e = EXPERIMENTS["celebahq-1024-stylegan-gn"]
    assert e.steps == progressive_steps(25_000_000, 1024, 32, 600_000)
    first = -(-600_000 // 256)
    assert [moment(e, first - 1).resolution, moment(e, first).resolution] == [8, 16]
    assert [moment(e, first - 1).alpha, moment(e, first).alpha] == [1, 0]
    assert moment(e, first).images_before == 256 * first
    assert moment(e, first).fresh_optimizers
    assert not moment(e, first + 1).fresh_optimizers
    half = first + -(-600_000 // 128) // 2
    assert moment(e, half).alpha == pytest.approx(0.5, abs=128 / 600_000)
    shown = sum(moment(e, step).batch for step in range(10_000))
    assert moment(e, 10_000).images_before == shown
    assert moment(e, e.steps - 1).resolution == 1024
    assert moment(e, e.steps).images_before - 25_000_000 in range(32)
    assert moment(e, e.steps - 1).ema_decay == 0.5 ** (32 / 10_000)


# Every method


@pytest.mark.parametrize("name", [name for name in EXPERIMENTS if name.startswith("shapes16")])
def test_every_method_changes_every_weight(name, data):
    e = small(name, steps=2)
    trainer = Trainer(e, data(e))
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


def test_the_average_is_the_recursion_of_its_definition(data):
    """ema ← d · ema + (1 - d) · G, a copy of G before `ema_start`; to float32 rounding of each of six updates."""
    e = small("shapes16-resnet-gn", ema_decay=0.75, ema_start=3)
    trainer = Trainer(e, data(e))
    expected = None
    for step in range(6):
        trainer.step()
        now = {k: v.detach().double().clone() for k, v in trainer.generator.state_dict().items()}
        expected = now if step < 3 else {k: 0.75 * expected[k] + 0.25 * v for k, v in now.items()}
    average = trainer.average.module.state_dict()
    for key, value in expected.items():
        if average[key].is_floating_point():
            bound = 6 * 4 * 2.0**-24 * value.abs().clamp(min=1)
            assert ((average[key].double() - value).abs() <= bound).all(), key


def test_parts_of_a_batch_add_up_to_its_gradient(data):
    """In parts, each sum is of the same terms in another order: relative error at most n·2⁻²⁴, n = 4·16·16 terms."""
    gradients = []
    for parts in (1, 2):
        e = small("shapes16-resnet-gn-cr", n_dis=1, lr_generator=1e-30, lr_discriminator=1e-30)
        trainer = Trainer(e, data(e), execution=Execution(accumulate=parts))
        trainer.generator.eval()  # batch norm would see other batches
        trainer.step()
        gradients.append(
            torch.cat(
                [p.grad.flatten() for p in (*trainer.discriminator.parameters(), *trainer.generator.parameters())]
            )
        )
    once, parted = gradients
    assert (parted - once).norm() <= 1024 * 2**-24 * once.norm()


def test_mixed_precision_normalizes_in_float32(data):
    e = small("shapes16-resnet-gn-cr")
    trainer = Trainer(e, data(e), execution=Execution(mixed_precision=True))
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


def test_each_update_of_the_discriminator_sees_the_next_images(data):
    e = small("shapes16-cnn-gn", n_dis=3)
    trainer = Trainer(e, data(e))
    asked = []
    batches = trainer._batches

    def recorded(start: int, count: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        asked.append((start, count))
        return batches(start, count)

    trainer._batches = recorded
    for _ in range(2):
        trainer.step()
    assert asked == [(start, 4) for start in range(0, 24, 4)]


# Resuming

RESUMED = ["shapes16-resnet-gn-cr", "shapes16-cnn-1-gp", "shapes-biggan-sn", "shapes-stylegan-gn"]


@pytest.mark.parametrize("name", RESUMED)
def test_a_run_in_two_parts_equals_one_in_one_to_the_bit(name, data, tmp_path):
    e = small(name, **({"phase_images": 32} if name == "shapes-stylegan-gn" else {}))
    cadence = Cadence(log=2, sample=3, checkpoint=5, score=NEVER, keep=9)
    train(e, data(e), tmp_path / "one", seed=3, cadence=cadence)

    def interrupt(generator: torch.nn.Module) -> dict[str, float]:
        os.kill(os.getpid(), signal.SIGTERM)
        return {"FID": 1.0}

    scoring = dataclasses.replace(cadence, score=3)
    stopped = train(e, data(e), tmp_path / "two", seed=3, cadence=scoring, score=interrupt)
    assert stopped == 3
    assert train(e, data(e), tmp_path / "two", seed=3, cadence=cadence) == 6
    one, two = Run(tmp_path / "one").load(), Run(tmp_path / "two").load()
    assert two.pop("best") == {"step": 3, "name": "FID", "value": 1.0}
    assert one.pop("best") is None
    assert bits(one) == bits(two)
    assert timeless(tmp_path / "one") == [line for line in timeless(tmp_path / "two") if "scores" not in line]
    assert (tmp_path / "one/samples/00000006.png").read_bytes() == (tmp_path / "two/samples/00000006.png").read_bytes()


def test_a_finished_run_is_left_as_it_is(data, tmp_path):
    e = small("shapes16-cnn-gn", steps=2)
    train(e, data(e), tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name != "lock"}
    assert train(e, data(e), tmp_path) == 2
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


def test_how_often_a_run_is_sampled_and_scored_changes_no_weight(data, tmp_path):
    e = small("shapes16-resnet-gn")

    def greedy(generator: torch.nn.Module) -> dict[str, float]:
        torch.manual_seed(1)
        with torch.no_grad():
            for p in generator.parameters():
                p.zero_()
        return {"FID": float(torch.randn(10).sum())}

    train(e, data(e), tmp_path / "seldom", cadence=Cadence(NEVER, NEVER, NEVER, NEVER))
    train(e, data(e), tmp_path / "often", cadence=Cadence(1, 1, 1, 1), score=greedy)
    seldom, often = Run(tmp_path / "seldom").load(), Run(tmp_path / "often").load()
    for key in ("generator", "discriminator", "average", "generator_optimizer", "discriminator_optimizer"):
        assert bits(seldom[key]) == bits(often[key])


def test_the_callers_random_state_makes_no_difference(data):
    e = small("shapes16-cnn-gn")
    weights = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        trainer = Trainer(e, data(e))
        for _ in range(2):
            torch.manual_seed(seed)
            trainer.step()
        weights.append(bits(trainer.generator.state_dict()))
    assert weights[0] == weights[1]


def test_another_seed_trains_another_run(data):
    e = small("shapes16-cnn-gn")
    one, two = (next(Trainer(e, data(e), seed=seed).generator.parameters()) for seed in (0, 1))
    assert not torch.equal(one, two)


# Processes


def test_two_processes_are_one_on_the_joined_batch():
    """Weights to the bit against the batch in two parts; gradients against the batch at once to rounding.

    The bound is n·2⁻²⁴ for sums of n = 8·16·16 terms in another order. Under SN only the gradients compare: a batch in
    parts takes a power iteration with each part.
    """
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, str(HERE / "programs" / "two_processes.py")], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    for name, (equal, error) in json.loads(done.stdout).items():
        assert equal or "-sn" in name, name
        assert error <= 2048 * 2**-24, name


def test_each_process_draws_noise_of_its_own_for_stylegan(data, monkeypatch):
    """Latents are parts of one draw; what is drawn within the networks is of another seed in every process."""
    monkeypatch.setattr("gnref.training.trainer.exchanging", lambda objective, *_, **__: objective)
    e = small("shapes-stylegan-gn", phase_images=32)
    seeds, latents = [], []

    def look(module: torch.nn.Module, given: tuple) -> None:
        seeds.append(torch.initial_seed())
        latents.append(given[0])

    for rank, count in ((0, 1), (0, 2), (1, 2)):
        trainer = Trainer(e, data(e), processes=Processes(torch.device("cpu"), rank, count))
        trainer.generator.register_forward_pre_hook(look)
        torch.manual_seed(5)
        trainer._update_generator(moment(e, 0))
    assert torch.equal(latents[0], torch.cat(latents[1:]))
    assert seeds[0] == 5
    assert len(set(seeds)) == 3


def test_the_first_of_several_processes_scores_and_the_others_wait(tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["-m", "gnref", "train", "shapes16-cnn-gn", "--steps", "3", "--folder", "run", "--no-tensorboard"]
    command += ["--settings", "width=1", "latent=4", "batch=4", "generator_batch=4", "--device", "cpu"]
    command += ["--score", "shapes-16", "--score-every", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "gnref: run: step 3 of 3, done\n"
    run = Run(tmp_path / "run")
    scored = {line["step"]: next(iter(line["scores"].items())) for line in run.metrics() if "scores" in line}
    assert list(scored) == [2, 3]
    step = min(scored, key=lambda each: scored[each][1])
    assert run.load()["best"] == {"step": step, "name": scored[step][0], "value": scored[step][1]}
    assert scored[step][0].startswith("FID")


def test_torchrun_leaves_the_options_of_train_to_it():
    """torchrun takes an option that is the beginning of one of its own for that one, even behind the module's name."""
    from torch.distributed.run import get_args_parser

    options = [name for name in inspect.signature(cli._train).parameters if name != "experiments"]
    assert "folder" in options
    for name in options:
        mine = ["train", "shapes16-cnn-gn", f"--{name.replace('_', '-')}", "1"]
        assert get_args_parser().parse_args(["-m", "gnref", *mine]).training_script_args == mine


def test_a_batch_that_cannot_be_split_is_refused(data):
    e = small("shapes16-cnn-gn")
    with pytest.raises(UserError, match="batch 4 cannot be split over 3 processes"):
        Trainer(e, data(e), processes=Processes(torch.device("cpu"), 0, 3))


# What goes wrong


@pytest.mark.parametrize("who", ["generator", "discriminator"])
def test_a_quantity_that_is_no_number_stops_the_run_and_keeps_the_last_good_checkpoint(
    who, data, tmp_path, monkeypatch
):
    e = small("shapes16-cnn-vanilla", steps=9)
    steps = Trainer.step

    def poisoned(self: Trainer) -> None:
        if self.step_number == 5:
            next(getattr(self, who).parameters()).data.fill_(float("nan"))
        steps(self)

    monkeypatch.setattr(Trainer, "step", poisoned)
    message = r"diverged: D_\w+ is not a number .* at step 6; the last good checkpoint is step 4"
    with pytest.raises(UserError, match=message):
        train(e, data(e), tmp_path, cadence=Cadence(log=8, sample=NEVER, checkpoint=2, score=NEVER))
    assert max(Run(tmp_path).checkpoints()) == 4
    monkeypatch.undo()
    assert train(e, data(e), tmp_path, cadence=Cadence(log=8, sample=NEVER, checkpoint=2, score=NEVER)) == 9


def test_a_checkpoint_never_holds_weights_that_are_no_numbers(data, tmp_path, monkeypatch):
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
        train(e, data(e), tmp_path, cadence=Cadence(log=NEVER, sample=NEVER, checkpoint=2, score=NEVER))


def test_a_run_of_another_experiment_is_not_continued(data, tmp_path):
    e = small("shapes16-cnn-gn", steps=2)
    train(e, data(e), tmp_path)
    before = (tmp_path / "experiment.json").read_bytes()
    for other, seed, difference in (
        (e.changed(loss="wasserstein"), 0, "loss=hinge, not wasserstein"),
        (small("shapes16-resnet-gn", steps=2), 0, "architecture=cnn, not resnet"),
        (e.changed(width=2), 0, "width=1, not 2"),
        (e, 1, "seed=0, not 1"),
    ):
        with pytest.raises(UserError, match=f"was trained with {difference}"):
            train(other, data(e), tmp_path, seed=seed)
    assert (tmp_path / "experiment.json").read_bytes() == before


def test_a_checkpoint_from_before_an_option_existed_goes_on_with_its_default(data):
    e = small("shapes16-cnn-gn")
    state = Trainer(e, data(e)).state()
    del state["execution"]["capture"]
    Trainer(e, data(e)).restore(state, "here")
    with pytest.raises(UserError, match="here was trained with capture=eager, not compiled"):
        Trainer(e, data(e), execution=Execution(capture="compiled")).restore(state, "here")


def test_images_that_do_not_fit_the_experiment_are_refused(data):
    with pytest.raises(UserError, match="expected images of 16 pixels, got 32"):
        Trainer(small("shapes16-cnn-gn"), ImageSet(torch.zeros(9, 3, 32, 32, dtype=torch.uint8)))
    with pytest.raises(UserError, match="expected images of 10 classes, got images without labels"):
        Trainer(small("shapes-biggan-gn"), ImageSet(torch.zeros(9, 3, 32, 32, dtype=torch.uint8)))


# The command line


def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["gnref", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out, err = capsys.readouterr()
    return ended.value.code, out, err


def test_the_command_line_trains_resumes_and_samples(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gnref.data.load.SHAPES_COUNT", 40)
    tiny = ["--settings", "width=1", "latent=4", "batch=4", "generator_batch=4", "--no-tensorboard"]
    code, out, _ = command(capsys, monkeypatch, "train", "shapes16-cnn-gn", "--steps", "2", *tiny)
    assert (code, out) == (0, "gnref: runs/shapes16-cnn-gn-seed0: step 2 of 2, done\n")
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
    assert all(name in out for name in EXPERIMENTS)
    _, out, _ = command(capsys, monkeypatch, "train", "cifar10-cnn-gn", "--list")
    lines = {line.split()[0]: line for line in out.splitlines()[1:]}
    assert set(lines) == EXPERIMENTS["cifar10-cnn-gn"].settings().keys() - {"name"}
    assert lines["n_dis"].split() == ["n_dis", "5", "appendix", "D"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["train", "cifar-resnet-gn"], "there is no experiment cifar-resnet-gn; did you mean"),
        (["train", "cifar10-resnet-gn"], "say --data FOLDER"),
        (["train", "cifar10-resnet-gn", "--data", "nowhere"], "nowhere: expected CIFAR-10"),
        (["train", "celebahq-256-resnet-gn", "--data", "nowhere"], "nowhere: expected a folder of 256 x 256 images"),
        (["train", "shapes-cnn-gn", "--settings", "penalty=1-gp"], "1-gp needs a positive penalty_weight"),
        (["sample", "nowhere"], "nowhere is no run folder"),
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
def test_a_sample_does_not_depend_on_its_batch_mates(name, data, tmp_path):
    """Batches of 9 and of 64 give the same images but for roundings: sums in another order may move a byte by one."""
    e = small(name, steps=2)
    train(e, data(e), tmp_path)
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
    save_grid(images, tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as grid:
        assert grid.size == (256, 256)
        assert [grid.getpixel(place)[0] for place in ((0, 0), (255, 0), (0, 255), (255, 255))] == [0, 100, 200, 0]
