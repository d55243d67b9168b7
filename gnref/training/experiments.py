"""The appendix's experiments, one a row of its tables and figures, and small ones on the embedded shapes.

Where the appendix and the original configuration files differ, the appendix is followed. What the files have stands
beside it in rows that end in `-original`: GN's CNN (n_dis 1, α_D 2e-4, no decay, N(0, 0.02²) weights, non-saturating
loss), the authors' early baselines SN and 1-GP (both rates 2e-4, 100,000 updates), and BigGAN's own recipe.
"""

from collections.abc import Mapping
from typing import Any

from gnref.data import Dataset
from gnref.training.experiment import APPENDIX, ORIGINAL, OURS, Activation, Architecture, Experiment, Loss
from gnref.training.schedule import progressive_steps

METHODS: Mapping[str, Mapping[str, Any]] = {
    "vanilla": {"normalization": "none"},
    "sn": {"normalization": "sn"},
    "1-gp": {"normalization": "none", "penalty": "1-gp", "penalty_weight": 10.0, "loss": "wasserstein"},
    "0-gp": {"normalization": "none", "penalty": "0-gp", "penalty_weight": 10.0, "loss": "non-saturating"},
    "gn": {"normalization": "gn"},
    "gn1": {"normalization": "gn1"},
    "gn0": {"normalization": "gn0"},
}
"""The methods compared, as settings. The 0-GP weight is ours: neither the appendix nor the original files give one."""

TODAY: Mapping[str, Mapping[str, Any]] = {
    "r1": {"normalization": "none", "loss": "non-saturating", "penalty": "r1", "penalty_weight": 10.0},
    "r1-every-4": {
        "normalization": "none", "loss": "non-saturating", "penalty": "r1", "penalty_weight": 10.0, "penalty_every": 4,
    },
    "r1-every-16": {
        "normalization": "none", "loss": "non-saturating", "penalty": "r1", "penalty_weight": 10.0, "penalty_every": 16,
    },
    "r3gan": {"normalization": "none", "loss": "relativistic", "penalty": "r1-r2", "penalty_weight": 1.0},
    "lecam": {"normalization": "none", "lecam_weight": 0.3},
    "diffaugment": {"normalization": "none", "augmentation": "diffaugment"},
    "gran": {"normalization": "gran", "loss": "non-saturating"},
    "gran-10": {"normalization": "gran", "loss": "non-saturating", "lipschitz_constant": 10.0},
    "gran-wasserstein": {"normalization": "gran", "loss": "wasserstein"},
    "gn-relativistic": {"normalization": "gn", "loss": "relativistic"},
    "gn-lecam": {"normalization": "gn", "lecam_weight": 0.3},
    "gn-diffaugment": {"normalization": "gn", "augmentation": "diffaugment"},
}  # fmt: skip
"""What people use today, alone and, where it makes sense, with GN.

R1: γ = 10 [Mescheder et al. 2018; StyleGAN2 has it lazily, every 16 updates of D]. R3GAN's loss with R1 + R2; its γ
depends on the data set (.05 for CIFAR-10), 1 is ours. LeCam: .3 lies in the range of its authors' CIFAR experiments, .1
to .5. DiffAugment: colour, translation and cutout, its authors' strongest policy. GraN [Bhaskara et al. 2022]: its
authors train it with the non-saturating and with the Wasserstein loss, under which Adam takes K out again; ε is .1, and
K, which they tune to the data, 1 or 10 here is ours.
"""

_LOSSES: dict[str, Loss] = {"ns": "non-saturating", "ns-without-sigmoid": "non-saturating-without-sigmoid"}
_UNCONDITIONAL: tuple[Architecture, Architecture] = ("cnn", "resnet")
BIGGAN = "BigGAN's own configuration for CIFAR-10"
CR = "consistency regularization's own paper [GN, reference 12]"
_ACTIVATIONS: tuple[Activation, ...] = ("relu", "elu", "softplus", "softplus-20")


def _method(base: Experiment, method: str, suffix: str = "", **settings: Any) -> Experiment:
    """`base` under a method, named after both."""
    added = {key: value for key, value in METHODS[method].items() if key != "normalization"}
    normalized = base.changed(APPENDIX, normalization=METHODS[method]["normalization"])
    source = OURS if method == "0-gp" else ORIGINAL
    return normalized.changed(source, **added).changed(APPENDIX, name=f"{base.name}-{method}{suffix}", **settings)


def _today(base: Experiment) -> list[Experiment]:
    """`base` under the methods of today; without DiffAugment where it is of points."""
    points = base.architecture == "mlp"
    chosen = {name: settings for name, settings in TODAY.items() if not (points and "augmentation" in settings)}
    paired = {"generator_batch": base.batch}
    return [
        base.changed(OURS, **(paired if settings.get("loss") == "relativistic" else {}))
        .changed("its authors", name=f"{base.name}-{name}", **settings)
        .changed(OURS, **{key: settings[key] for key in ("lipschitz_constant",) if key in settings})
        for name, settings in chosen.items()
    ]


def _consistent(experiment: Experiment, weight: float | None = None, source: str = ORIGINAL) -> Experiment:
    """The experiment with consistency regularization; the original configurations' weights are 5 for GN, 10 for SN."""
    weight = weight or (10.0 if experiment.normalization == "sn" else 5.0)
    return experiment.changed(source, consistency_weight=weight).changed(APPENDIX, name=f"{experiment.name}-cr")


def _original(row: Experiment, **recipe: Any) -> Experiment:
    """A row by the recipe of the original configuration files."""
    return row.changed(ORIGINAL, **recipe).changed(APPENDIX, name=f"{row.name}-original")


def _unconditional() -> list[Experiment]:
    """CIFAR-10 and STL-10: Tables 1 and 2, Figures 1, 2, 4, 5."""
    rows = []
    sizes: dict[Dataset, int] = {"cifar10": 32, "stl10": 48}
    for dataset, size in sizes.items():
        for architecture in _UNCONDITIONAL:
            base = Experiment(f"{dataset}-{architecture}", dataset, architecture, size)
            rows += [_method(base, method) for method in METHODS]
            rows += [_consistent(_method(base, method)) for method in ("sn", "gn")]
            rows += [_method(base, "gn", f"-{name}", loss=loss) for name, loss in _LOSSES.items()]
            rows += _today(base) if architecture == "resnet" else []
        cnn = Experiment(f"{dataset}-cnn", dataset, "cnn", size)
        for method in ("vanilla", "sn", "1-gp", "gn"):
            rows += [_method(cnn, method, f"-{activation}", activation=activation) for activation in _ACTIVATIONS]
        rows += _original_recipes(dataset, size)
    return rows


def _original_recipes(dataset: Dataset, size: int) -> list[Experiment]:
    """GN's CNN as its files have it, and the baselines as the authors ran them early on."""
    cnn, resnet = (Experiment(f"{dataset}-{each}", dataset, each, size) for each in _UNCONDITIONAL)
    files = {"n_dis": 1, "lr_discriminator": 2e-4, "decay": "none", "initialization": "original"}
    gn = _method(cnn, "gn")
    rows = [_original(row, **files, loss="non-saturating") for row in (gn, _consistent(gn))]
    for base, recipe in ((cnn, files), (resnet, {"lr_discriminator": 2e-4})):
        early, sn = {**recipe, "steps": 100_000}, _method(base, "sn")
        rows += [_original(row, **early, power_iteration="original") for row in (sn, _consistent(sn))]
        rows.append(_original(_method(base, "1-gp"), **early))
    return rows


def _biggan() -> list[Experiment]:
    """Table 4 and Figure 6."""
    base = Experiment("cifar10-biggan", "cifar10", "biggan", 32, classes=10)
    base = base.changed(
        APPENDIX,
        lr_generator=1e-4,
        lr_discriminator=2e-4,
        beta2=0.999,
        batch=50,
        n_dis=4,
        steps=125_000,
        score_ema=True,
    ).changed(ORIGINAL, generator_batch=50, decay="none", ema_start=1000)
    plain = base.changed(ORIGINAL, normalization="sn")  # BigGAN's own discriminator is spectrally normalized
    own = plain.changed(BIGGAN, lr_generator=2e-4, initialization="original", flip=False)
    own = own.changed(BIGGAN, name=f"{base.name}-original")
    gn = _method(base, "gn")
    return [plain, _consistent(plain, 10.0, CR), own, gn, _consistent(gn)]


def _high_resolution() -> list[Experiment]:
    """Table 5 and Figures 7 and 8; then StyleGAN, Figures 9 to 12."""
    rows = []
    for name, dataset, size, ema_start in (
        ("celebahq-128-resnet", "celebahq", 128, 10_000),
        ("celebahq-256-resnet", "celebahq", 256, 10_000),
        ("lsun-church-256-resnet", "lsun-church", 256, 20_000),
    ):
        base = Experiment(name, dataset, "resnet", size)  # type: ignore[arg-type]
        base = base.changed(APPENDIX, lr_discriminator=2e-4, steps=100_000, score_ema=True)
        base = base.changed(ORIGINAL, decay="none", ema_start=ema_start)
        rows += [_method(base, "gn"), _method(base, "sn")]
    stylegan = Experiment("celebahq-1024-stylegan", "celebahq", "stylegan", 1024)
    stylegan = stylegan.changed(APPENDIX, lr_generator=1e-3, lr_discriminator=1e-3, score_ema=True)
    stylegan = stylegan.changed(
        "StyleGAN, by reference of appendix D",
        width=16, latent=512, beta2=0.99, n_dis=1, batch=32, generator_batch=32, decay="none", phase_images=600_000,
        steps=progressive_steps(25_000_000, 1024, 32, 600_000),
    )  # fmt: skip
    return [*rows, _method(stylegan, "gn")]


def _shapes() -> list[Experiment]:
    """Small runs on the embedded shapes, minutes on a laptop; all settings but the method's are ours."""
    rows = []
    for size, prefix in ((32, "shapes"), (16, "shapes16")):
        for architecture in ("cnn", "resnet", "biggan"):
            base = Experiment(f"{prefix}-{architecture}", "shapes", architecture, size, 10 * (architecture == "biggan"))
            base = base.changed(
                OURS, dataset="shapes", classes=base.classes, size=size, width=8, latent=64, steps=2000, n_dis=1,
                batch=32, generator_batch=32, lr_generator=1e-3, lr_discriminator=1e-3, ema_decay=0.99, score_ema=True,
            )  # fmt: skip
            rows += [_method(base, method) for method in METHODS]
            rows += [_consistent(_method(base, method), 5.0, OURS) for method in ("sn", "gn")]
            rows += [_method(base, "gn", f"-{name}", loss=loss) for name, loss in _LOSSES.items()]
            if architecture == "resnet":
                rows += _today(base)
                rows += [_method(base, "gn", f"-{each}", activation=each) for each in ("elu", "softplus")]
                rows.append(_consistent(_method(base, "gn", "-elu", activation="elu"), 5.0, OURS))
    stylegan = Experiment("shapes-stylegan", "shapes", "stylegan", 32).changed(
        OURS, dataset="shapes", size=32, width=1, latent=32, steps=progressive_steps(100_000, 32, 16, 10_000),
        n_dis=1, batch=16, generator_batch=16, lr_generator=1e-3, lr_discriminator=1e-3, beta2=0.99, decay="none",
        score_ema=True, phase_images=10_000,
    )  # fmt: skip
    return [*rows, _method(stylegan, "gn")]


def _points() -> list[Experiment]:
    """Two mixtures of Gaussians in the plane, seconds a run; all settings but the method's are ours."""
    rows = []
    for dataset in ("ring", "grid"):
        base = Experiment(f"{dataset}-mlp", dataset, "mlp", 2, flip=False)
        base = base.changed(
            OURS, dataset=dataset, size=2, flip=False, width=32, latent=8, steps=3000, n_dis=1, batch=32,
            generator_batch=32, lr_generator=1e-3, lr_discriminator=1e-3, ema_decay=0.99, score_ema=True,
        )  # fmt: skip
        rows += [_method(base, method) for method in METHODS] + _today(base)
        rows += [_method(base, method, "-ns", loss="non-saturating") for method in ("vanilla", "gn")]
    return rows


_ALL = (*_unconditional(), *_biggan(), *_high_resolution(), *_shapes(), *_points())
EXPERIMENTS: Mapping[str, Experiment] = {experiment.name: experiment for experiment in _ALL}
