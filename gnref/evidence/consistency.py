"""Do the experiments have the appendix's numbers, and does the evidence rest on the code as it is? Nothing is run.

Each function returns complaints, one sentence each; an empty list means that all agrees.
"""

import json
from typing import Any

from gnref.evaluation.protocol import PROTOCOLS
from gnref.evidence.jobs import Job
from gnref.evidence.published import Published
from gnref.evidence.records import Record, identity
from gnref.training.experiment import Experiment
from gnref.training.experiments import EXPERIMENTS
from gnref.training.schedule import moment

TRAINER_NAMES = {
    "generator_rate": "lr_generator",
    "discriminator_rate": "lr_discriminator",
    "batch": "batch",
    "discriminator_steps": "n_dis",
    "generator_steps": "steps",
    "ema": "ema_decay",
}
PROTOCOL_NAMES = {
    "cifar10-train": ["cifar10-train"],
    "cifar10-test": ["cifar10-test"],
    "stl10-50k": ["stl10-50k"],
    "stl10-10k": ["stl10-10k"],
    "celebahq": ["celebahq-128", "celebahq-256"],
    "church": ["lsun-church"],
    "celebahq-1024": ["celebahq-1024"],
}
ROUNDED_TO = {"church": 1000}
"""The appendix prints 126k for LSUN church."""


def group(e: Experiment) -> str | None:
    """Which paragraph of appendix D sets an experiment's numbers; None for ours, and for the original CNN recipe."""
    if e.dataset in ("shapes", "ring", "grid") or e.name.endswith("-original"):
        return None
    if e.architecture in ("biggan", "stylegan"):
        return {"biggan": "conditional", "stylegan": "stylegan"}[e.architecture]
    return "high-resolution" if e.size > 48 else "unconditional"


def experiments(published: Published) -> list[str]:
    """Rates, betas, batches, updates of D and steps of every experiment are the appendix's."""
    complaints = []
    for name, e in EXPERIMENTS.items():
        paragraph = group(e)
        if paragraph is None:
            continue
        printed = published.setting(paragraph)
        wanted: dict[str, Any] = {ours: printed[theirs] for theirs, ours in TRAINER_NAMES.items() if theirs in printed}
        if "betas" in printed:
            wanted["beta1"], wanted["beta2"] = printed["betas"]
        if "decay_to_zero" in printed:
            wanted["decay"] = "linear"
        complaints += [
            f"{name}: {key} is {getattr(e, key)}, the appendix has {value} ({printed['place']})"
            for key, value in wanted.items()
            if getattr(e, key) != value
        ]
    return complaints + stylegan_rates(published)


def stylegan_rates(published: Published) -> list[str]:
    """1e-3 up to 64 pixels and 1.5e-3 above, for both networks, wherever in training one looks."""
    e, printed = EXPERIMENTS["celebahq-1024-stylegan-gn"], published.setting("stylegan")
    complaints = []
    for step in range(0, e.steps, max(1, e.steps // 500)):
        now = moment(e, step)
        rate = printed["rate_to_64"] if now.resolution <= 64 else printed["rate_above_64"]
        if (now.lr_generator, now.lr_discriminator) != (rate, rate):
            complaints.append(f"{e.name}: at {now.resolution} pixels the rates are {now.lr_generator}, not {rate}")
    return sorted(set(complaints))


def sample_counts(published: Published) -> list[str]:
    """Generated and real images of every protocol are the appendix's, and IS has its ten parts."""
    complaints = []
    for theirs, names in PROTOCOL_NAMES.items():
        printed = published.protocol(theirs)
        unit = ROUNDED_TO.get(theirs, 1)
        for name in names:
            ours = PROTOCOLS[name]
            counts = (ours.generated, ours.real // unit * unit)
            if counts != (printed["generated"], printed["real"]):
                complaints.append(f"protocol {name}: {counts} images, the appendix has {printed}")
    inception_score, ours = published.protocol("inception-score"), PROTOCOLS["cifar10-train"]
    if (ours.generated, ours.splits) != (inception_score["generated"], inception_score["splits"]):
        complaints.append(f"IS: {ours.generated} images in {ours.splits} parts, the appendix has {inception_score}")
    return complaints


def parameter_counts(published: Published) -> list[str]:
    """Both networks of every architecture have the original number of parameters (built without memory)."""
    import torch

    from gnref.training.objectives import make_networks

    complaints = []
    for name, counts in published.parameters().items():
        with torch.device("meta"):
            networks = make_networks(EXPERIMENTS[f"{name}-gn"])
        found = [sum(parameter.numel() for parameter in network.parameters()) for network in networks]
        if found != [counts["generator"], counts["discriminator"]]:
            complaints.append(f"{name}: {found} parameters, expected {list(counts.values())}")
    return complaints


def orphans(records: list[Record], jobs: list[Job]) -> list[str]:
    """Records that none of `jobs` would look for: the code's settings are no longer those they were made with."""
    wanted = {(job.name, job.scale, job.seed): job for job in jobs}
    complaints = []
    for record in records:
        job = wanted.get((record.name, record.scale, record.seed))
        if job is None:
            complaints.append(f"{record.id}: no table or figure has such a run any more")
        elif identity(job.name, job.scale, job.settings, job.seed) != record.id:
            old, new = record.settings, json.loads(json.dumps(dict(job.settings)))
            changed = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
            complaints.append(f"{record.id}: made with another {', '.join(changed)} than the code has now")
    return complaints


def complaints(published: Published) -> list[str]:
    """What of the experiments, the protocols and the networks is not as the appendix has it."""
    return [*experiments(published), *sample_counts(published), *parameter_counts(published)]
