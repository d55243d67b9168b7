"""Training sessions at the appendix's settings: what one is, what it needs, how it is trained and scored."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gnref.errors import UserError
from gnref.evidence import cifar10_files, timing
from gnref.evidence.guards import Session
from gnref.evidence.jobs import Job
from gnref.evidence.options import Options
from gnref.evidence.records import Record
from gnref.training.experiments import EXPERIMENTS

SEEDS = (0, 1, 2)
PROTOCOLS = {
    "cifar10": {"is": "cifar10-train", "fid_train": "cifar10-train", "fid_test": "cifar10-test"},
    "stl10": {"is": "stl10-50k", "fid_50k": "stl10-50k", "fid_10k": "stl10-10k"},
    "celebahq-128": {"fid": "celebahq-128"},
    "celebahq-256": {"fid": "celebahq-256"},
    "celebahq-1024": {"fid": "celebahq-1024"},
    "lsun-church": {"fid": "lsun-church"},
}
"""By data set, what is scored: a score's name and the protocol it is measured by."""


SOURCES = {
    "cifar10": "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz, 170 MB, SHA-256 "
    f"{cifar10_files.ARCHIVE_SHA256}, unpacked",
    "stl10": "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz, 2.6 GB, unpacked",
    "celebahq": "made as https://github.com/tkarras/progressive_growing_of_gans says, one png or jpg an image",
    "lsun-church": "http://dl.yf.io/lsun/scenes/church_outdoor_train_lmdb.zip, 2.3 GB, unpacked",
}
"""By data set, where its images are from."""


def protocols(name: str) -> dict[str, str]:
    """What an experiment's generator is scored by."""
    experiment = EXPERIMENTS[name]
    return PROTOCOLS.get(f"{experiment.dataset}-{experiment.size}") or PROTOCOLS[experiment.dataset]


def settings(name: str) -> dict[str, Any]:
    """The key of an experiment's evidence: every setting that decides a score."""
    chosen = {key: value for key, value in EXPERIMENTS[name].settings().items() if key != "name"}
    return {**chosen, "protocols": protocols(name), "features": "inception"}


def records(name: str, options: Options) -> list[Record]:
    """The evidence there is on an experiment, one record a seed."""
    return options.records.find_all(name, "paper", settings(name), SEEDS)


def session(record: Record) -> Session:
    """What guards and verdicts see of a record."""
    scores = {score: record.value(score) for score in record.scores}
    return Session(record.seed, record.commit, record.key_without_seed, scores)


def job(name: str, seed: int, serves: tuple[str, ...] = ()) -> Job:
    """Train an experiment to its last step, then score it."""

    def work(options: Options) -> Mapping[str, float | None]:
        return train_and_score(name, seed, options)

    def missing(options: Options) -> list[str]:
        return missing_for(name, options)

    return Job(
        name,
        "paper",
        seed,
        settings(name),
        work,
        serves,
        missing,
        duration=lambda options: timing.estimate(name, options),
    )


def train_and_score(name: str, seed: int, options: Options) -> dict[str, float | None]:
    """One session: the last checkpoint's scores, beside them those of the best one by FID on the training images."""
    from gnref.data.load import load
    from gnref.evaluation import make_scorer
    from gnref.runs import load_generator
    from gnref.training.distributed import joined
    from gnref.training.train import Diverged, train

    experiment, folder = EXPERIMENTS[name], options.runs / f"{name}-seed{seed}"
    with joined() as processes:
        data = load(experiment.dataset, options.data, experiment.size, processes.device)
        first = next(iter(protocols(name).values()))
        watch = make_scorer(first, real=options.data, device=processes.device)
        try:
            step = train(experiment, data, folder, seed=seed, processes=processes, score=watch, progress=True)
        except Diverged:
            return dict.fromkeys(protocols(name))
        if step < experiment.steps:
            raise UserError(f"{name}-seed{seed} was stopped at step {step}; the same command goes on from there")
        if not processes.first:
            return {}
        last = score(load_generator(folder, device=processes.device), name, options)
        best = score(load_generator(folder, best=True, device=processes.device), name, options)
    return {**last, **{f"best_{key}": best[key] for key in protocols(name)}}


def score(images: Any, name: str, options: Options) -> dict[str, float | None]:
    """Our names for what the protocols measure; `images` is a generator, or a folder of images.

    Beside them the canary: IS of real images, which the same weights and code must give as others published it.
    """
    from gnref.evaluation import evaluate

    measured = {each: evaluate(images, each, real=options.data) for each in dict.fromkeys(protocols(name).values())}
    found: dict[str, float | None] = {
        key: measured[each]["scores"]["IS" if key == "is" else "FID"] for key, each in protocols(name).items()
    }
    if "is" in found and "cifar10-train" in measured:
        found["canary_is"] = measured["cifar10-train"]["floor"]["IS"]
    return found


def from_images(name: str, options: Options) -> list[Session]:
    """Sessions from folders of images that another library generated, one folder a session."""
    needs = [need for need in missing_for(name, options) if not need.startswith("a GPU")]
    if needs:
        raise UserError(f"--samples: scoring images needs {'; '.join(needs)}")
    return [
        Session(number, "another library", "another library", {k: v for k, v in scores.items() if v is not None})
        for number, folder in enumerate(options.samples)
        if (scores := score(folder, name, options))
    ]


def missing_for(name: str, options: Options) -> list[str]:
    """What a run of it needs that is not here."""
    import torch

    from gnref.evaluation.features import INCEPTION_SHA256, INCEPTION_URL

    experiment, needs = EXPERIMENTS[name], []
    if options.data is None or not options.data.is_dir():
        given = "name them by --data FOLDER or GNREF_DATA" if options.data is None else f"{options.data} is no folder"
        needs.append(f"{experiment.dataset} images: {SOURCES.get(experiment.dataset, 'a folder of them')}; {given}")
    elif experiment.dataset == "cifar10" and next(options.data.rglob("*.jp*g"), None):
        needs.append(f"{experiment.dataset} images as they were published ({options.data} holds JPEG copies)")
    elif experiment.dataset == "cifar10" and (wrong := cifar10_files.differs(options.data)):
        needs.append(f"{experiment.dataset} images as they were published ({wrong})")
    weights = Path(torch.hub.get_dir()) / "checkpoints" / INCEPTION_URL.rsplit("/", 1)[1]
    if not weights.exists():
        needs.append(f"Inception weights: {INCEPTION_URL}, 96 MB, SHA-256 {INCEPTION_SHA256}..., as {weights}")
    if not torch.cuda.is_available() and not os.environ.get("GNREF_CPU"):
        needs.append("a GPU; GNREF_CPU=1 trains on this CPU instead")
    return needs
