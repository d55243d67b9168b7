"""The command line: one function a command, each a few lines that hand over to its room."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal, NoReturn

from gnref.conformance.options import Options
from gnref.errors import UserError, one_sentence

_JUDGING = Options()


def _commands() -> dict[str, Callable[..., int | None]]:
    """The commands by name; a command imports its room when it runs, so that `gnref claims` needs no trainer."""
    return {
        "claims": _claims,
        "conform": _conform,
        "evaluate": _evaluate,
        "sample": _sample,
        "train": _train,
        "verify": _verify,
    }


def _claims(id: str | None = None, /) -> int:
    """The claims of the appendix and what became of them; one of them with its example worked through in fractions.

    Args:
        id: A claim, such as theorem-6; without one, all are listed.
    """
    from gnref.claims import CLAIMS, describe, find, listing

    print(listing(CLAIMS.values()) if id is None else describe(find(id)))
    return 0


def _conform(
    subject: str, /, generator: str | None = None, json: Path | None = None, judging: Options = _JUDGING
) -> int:
    """Judge a library's gradient normalization by the laws: exit 0 conforming, 1 not, 2 could not be judged.

    Args:
        subject: A callable normalize(discriminator, x, *args, **kwargs) -> scores, as my.module:normalize.
        generator: Its loss-aware form for the generator's step, step(discriminator, x, loss, *args), where it has one.
        json: Write the findings to this file as well.
        judging: How it is judged.
    """
    from gnref.conformance.command import conform

    return conform(subject, generator, json, judging)


def _evaluate(
    source: Path, /, protocol: str, features: str | None = None, real: Path | None = None, json: Path | None = None
) -> int:
    """Inception Score, FID and KID of a generator or of images, beside the scores of real images.

    Args:
        source: A run folder, a folder of images, or a .npz file of images.
        protocol: cifar10-train, cifar10-test, stl10-50k, stl10-10k, celebahq-128, celebahq-256, celebahq-1024,
            lsun-church, shapes or shapes-16.
        features: inception, shapes or a .safetensors file of features; by default as the protocol says.
        real: The real images: the data set's folder, a folder of images, a .npz file, or cached statistics.
        json: Write the scores, with everything that says what they mean, to this file as well.
    """
    from gnref.evaluation.show import evaluate_and_show

    evaluate_and_show(source, protocol, features, real, json)
    return 0


def _train(
    experiments: tuple[str, ...] = (),
    /,
    data: Path | None = None,
    folder: Path | None = None,
    seeds: tuple[int, ...] = (0,),
    steps: int | None = None,
    settings: tuple[str, ...] = (),
    shard: str = "1/1",
    list: bool = False,
    device: str | None = None,
    mixed_precision: bool = False,
    tf32: bool = False,
    accumulate: int = 1,
    capture: Literal["eager", "compiled", "cuda-graph"] = "eager",
    log_every: int | None = None,
    sample_every: int | None = None,
    checkpoint_every: int | None = None,
    score_every: int | None = None,
    keep: int = 2,
    score: str | None = None,
    features: str | None = None,
    tensorboard: bool = True,
) -> int:
    """Train experiments of the appendix, or go on with their runs; `torchrun ... -m gnref train` trains on many GPUs.

    Args:
        experiments: Names, for instance cifar10-resnet-gn; shapes-resnet-gn needs no data.
        data: The folder the data set is in.
        folder: The run folder; by default runs/EXPERIMENT-seedSEED. A folder that holds a run goes on with it.
        seeds: One run for each.
        steps: Updates of G, instead of the experiment's.
        settings: Other settings, for instance loss=wasserstein n_dis=1; --list NAME prints them.
        shard: i/n trains every n-th run from the i-th of all experiments and seeds: one task of a cluster's job array.
        list: Print the experiments, or all settings of those named, with their sources.
        device: cpu or cuda; by default a GPU where there is one.
        mixed_precision: Networks in bfloat16.
        tf32: TensorFloat-32 on GPUs that have it.
        accumulate: Parts a batch is computed in.
        capture: compiled takes half a minute at the first step and spares a CPU 5 to 20 % of the others; cuda-graph
            spares a GPU the host's part of each step.
        log_every: Steps between lines of metrics.jsonl.
        sample_every: Steps between sample grids.
        checkpoint_every: Steps between checkpoints.
        score_every: Steps between scores.
        keep: Checkpoints kept besides the best.
        score: Score by this protocol while training, against the images in --data (gnref evaluate).
        features: The features to score in.
        tensorboard: Write curves for TensorBoard.
    """
    from gnref.training.command import list_experiments, train_named

    if list or not experiments:
        list_experiments(experiments)
        return 0
    scorer = None
    if score is not None:
        from gnref.evaluation.evaluate import make_scorer

        scorer = partial(make_scorer, score, features=features, real=data)
    return train_named(
        experiments,
        seeds,
        shard,
        settings if steps is None else (*settings, f"steps={steps}"),
        data=data,
        folder=folder,
        device=device,
        execution={"mixed_precision": mixed_precision, "tf32": tf32, "accumulate": accumulate, "capture": capture},
        cadence={"log": log_every, "sample": sample_every, "checkpoint": checkpoint_every, "score": score_every},
        keep=keep,
        make_score=scorer,
        tensorboard=tensorboard,
    )


def _sample(
    run: Path, /, count: int = 64, out: Path | None = None, seed: int = 0, ema: bool | None = None, best: bool = False
) -> int:
    """Write images of a run's generator: numbered PNGs, and a grid of the first 64.

    Args:
        run: The run folder.
        count: How many.
        out: The folder for them; by default RUN/sampled.
        seed: Draws the latents.
        ema: True is the moving average's, False the raw generator's; by default what the experiment scores.
        best: The checkpoint with the best score instead of the last.
    """
    from gnref.training.command import sample

    return sample(run, count, out, seed, ema, best)


def _verify(
    discriminator: str,
    /,
    images: Path | None = None,
    weights: Path | None = None,
    image_size: int = 32,
    range: tuple[float, float] = (-1.0, 1.0),
    labels: tuple[int, ...] = (),
    reduce: Literal["mean"] | None = None,
    regions: int | None = None,
    json: Path | None = None,
    html: Path | None = None,
    plot: Path | None = None,
) -> int:
    """Does the theorem apply to your discriminator, on your images? Exit 0 its premises hold, 1 they do not.

    Args:
        discriminator: A callable that returns a torch.nn.Module, as my.module:build.
        images: A folder of images; by default images that gnref draws.
        weights: A .safetensors file of its state dict.
        image_size: Pixels along a side.
        range: What black and white become.
        labels: Classes for a conditional discriminator, one for all images or one each; by default the sub-folders.
        reduce: mean normalizes the mean of a dense score map, as gradient_normalize's reduce does.
        regions: Linear regions to certify along three segments between images; by default 2000, fewer for a large
            discriminator.
        json: Write the report to this file as well.
        html: Write it as a page.
        plot: Write pictures into this folder.
    """
    from gnref.diagnosis.command import verify

    return verify(discriminator, images, weights, image_size, range, labels, reduce, regions, json, html, plot)


def main() -> NoReturn:
    """Run one command; exit 0 when it says so, 2 with one sentence when a person has to change something."""
    code: int | None = None
    with one_sentence("gnref"):
        try:
            import tyro
        except ImportError:
            raise UserError("the command line needs tyro; install it with: pip install 'gnref[proofs]'") from None
        code = tyro.extras.subcommand_cli_from_dict(_commands(), prog="gnref", config=(tyro.conf.OmitArgPrefixes,))
    sys.exit(code or 0)
