"""The command line: one function a command, each a few lines that hand over to its room."""

import sys
from collections.abc import Callable
from functools import partial
from json import dumps
from pathlib import Path
from typing import NoReturn

from gnref import __version__
from gnref.conformance.options import Options
from gnref.diagnosis.arguments import VerifyArguments
from gnref.errors import UserError, one_sentence, unknown
from gnref.exchange.exporting import export
from gnref.exchange.importing import import_weights
from gnref.files import check_outputs, write_atomically
from gnref.parsing import parsed
from gnref.training.arguments import TrainArguments
from gnref.training.sample import sample

_DESCRIPTION = "Gradient normalization for GANs: train, score, check and compare. `gnref --version` prints the version."

_JUDGING = Options()


def _commands() -> dict[str, Callable[..., int | None]]:
    """The commands by name; a command imports PyTorch, if it needs it, when it runs: `--help` is quick."""
    return {
        "claims": _claims,
        "conform": _conform,
        "evaluate": _evaluate,
        "export": export,
        "import": import_weights,
        "sample": sample,
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
        real: The real images: the data set's folder, a folder of images, a .npz file, cached statistics, or a .npz
            file with mu and sigma as the original code, pytorch-fid and clean-fid have them (FID alone).
        json: Write the scores, with everything that says what they mean, to this file as well.
    """
    check_outputs({"--json": json})
    from gnref.evaluation import evaluate
    from gnref.evaluation.show import show

    evaluation = evaluate(source, protocol, features=features, real=real)
    print(show(evaluation))
    if json is not None:
        write_atomically(json, dumps(evaluation, indent=2) + "\n")
    return 0


def _train(experiments: tuple[str, ...] = (), /, *, arguments: TrainArguments, list: bool = False) -> int:
    """Train experiments of the appendix, or go on with their runs; `torchrun ... -m gnref train` trains on many GPUs.

    Args:
        experiments: Names, for instance cifar10-resnet-gn; shapes-resnet-gn needs no data.
        list: Print the experiments, or all settings of those named, with their sources.
    """
    if list or not experiments:
        from gnref.training.listing import list_experiments

        list_experiments(experiments)
        return 0
    from gnref.training.command import train_named

    scorer = None
    if arguments.score is not None:
        from gnref.evaluation.evaluate import make_scorer

        _check_score(arguments.score, experiments, arguments.settings)
        scorer = partial(make_scorer, arguments.score, features=arguments.features, real=arguments.data)
    return train_named(experiments, arguments, scorer)


def _check_score(protocol: str, experiments: tuple[str, ...], settings: tuple[str, ...]) -> None:
    """Refuse a protocol of images of another size before anything is trained for it."""
    from gnref.evaluation.protocol import protocol_named
    from gnref.training.experiment import overridden
    from gnref.training.listing import find

    size = protocol_named(protocol).size
    for name in experiments:
        made = overridden(find(name), settings)
        if made.dataset in ("ring", "grid"):
            raise UserError(f"--score {protocol} takes images, but {name} makes points in the plane; leave --score out")
        if made.size != size:
            raise UserError(f"--score {protocol} takes images of {size} pixels, but {name} makes them of {made.size}")


def _verify(discriminator: str, /, *, arguments: VerifyArguments) -> int:
    """Does the theorem apply to your discriminator, on your images? Exit 0 its premises hold, 1 they do not.

    Args:
        discriminator: A callable that returns a torch.nn.Module, as my.module:build.
    """
    from gnref.diagnosis.apart import verify_apart

    return verify_apart(discriminator, arguments)


def main() -> NoReturn:
    """Run one command; exit 0 when it says so, 2 with one sentence when a person has to change something."""
    code: int | None = None
    with one_sentence("gnref"):
        _refuse_unknown(sys.argv[1:])
        code = parsed(_commands(), _DESCRIPTION)()
    sys.exit(code or 0)


def _refuse_unknown(words: list[str]) -> None:
    """Answer `--version`, and refuse a command that does not exist with the nearest that does."""
    if words == ["--version"]:
        print(f"gnref {__version__}")
        sys.exit(0)
    if words and not words[0].startswith("-") and words[0] not in _commands():
        raise unknown("command", words[0], _commands(), "gnref --help")
