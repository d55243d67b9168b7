"""What an experiment is: every setting that decides its weights, and which combinations make sense."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from types import MappingProxyType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from gnref.data import Dataset
from gnref.errors import UserError

Architecture = Literal["cnn", "resnet", "biggan", "stylegan", "mlp"]
Activation = Literal["default", "relu", "leaky-relu", "elu", "softplus", "softplus-20"]
Normalization = Literal["none", "sn", "gn", "gn1", "gn0", "gran"]
Penalty = Literal["none", "1-gp", "0-gp", "r1", "r1-r2"]
Loss = Literal["hinge", "wasserstein", "non-saturating", "non-saturating-without-sigmoid", "relativistic"]

APPENDIX = "appendix D"
ORIGINAL = "original configuration"
OURS = "ours"


@dataclass(frozen=True)
class Experiment:
    """One training run but for its seed. `sources` says of each setting where it is from; the defaults' are below.

    Raises UserError for a combination that makes no sense.
    """

    name: str
    dataset: Dataset
    architecture: Architecture
    size: int = 32
    """Pixels along a side; of points their dimension, 2."""
    classes: int = 0
    """Classes that both networks are told; 0 is unconditional."""
    width: int = 64
    """The unit of every channel count (networks). Appendix D, by reference to SN-GAN, BigGAN and StyleGAN."""
    latent: int = 128
    """Dimensions of z ~ N(0, I). Original configuration."""
    initialization: Literal["appendix", "original"] = "appendix"
    """Appendix D: Kaiming normal (BigGAN: its own, Xavier). The original code's CNN and BigGAN's own: N(0, 0.02²)."""
    power_iteration: Literal["pytorch", "original"] = "pytorch"
    """How spectral norms, which BigGAN's G has in any case, are estimated: PyTorch's present function (15 iterations at
    the start; u, then v) or the original code's (random start; v, then u). Ours."""
    activation: Activation = "default"
    """D's activation; `default` is the architecture's own: ReLU, CNN LeakyReLU(0.1), StyleGAN LeakyReLU(0.2)."""
    normalization: Normalization = "gn"
    """Of D: none, spectral (SN), or gradient with ζ = |f| (GN), 1 (GN_1), 0 (GN_0) or ε/‖∇f‖ (GraN)."""
    lipschitz_constant: float = 1.0
    """GraN's K, which its scores are multiplied by: the slope inside a linear region is below K. Ours: its authors tune
    it to the data."""
    coupled: bool = False
    """StyleGAN's minibatch standard deviation in D. It makes a sample's score depend on its batch, so that GN's theorem
    does not apply; off. Ours."""
    penalty: Penalty = "none"
    """On D's gradient: 1-GP, mean (‖∇D‖ - 1)² between reals and fakes; 0-GP, mean ‖∇D‖² there; R1, half the mean ‖∇D‖²
    at reals; R1 + R2, that at reals and at fakes."""
    penalty_weight: float = 0.0
    """Original configuration: 10 for 1-GP; the appendix is silent. For R1 and R2 it is γ."""
    penalty_every: int = 1
    """Lazily: only every so many updates of D, and so many times as heavy. StyleGAN2: 16."""
    lecam_weight: float = 0.0
    """Of LeCam, the distance of scores to the other side's running mean."""
    augmentation: Literal["none", "diffaugment"] = "none"
    """Of everything D sees, reals and fakes, in both steps; gradients are taken at the transformed images."""
    consistency_weight: float = 0.0
    """Of consistency regularization, mean (D(x) - D(T(x)))², T as in appendix D, Table 3. Original configuration: 5 for
    GN, 10 for SN."""
    loss: Loss = "hinge"
    """Appendix, Table 2; original configuration where it is silent."""
    steps: int = 200_000
    """Updates of G. Appendix D."""
    n_dis: int = 5
    """Updates of D before each update of G. Appendix D."""
    batch: int = 64
    """Reals, and as many fakes, of one update of D; over all processes. Appendix D."""
    generator_batch: int = 128
    """Fakes of one update of G. Original configuration: 2M for CNN and ResNet."""
    lr_generator: float = 2e-4
    """Adam's α for G. Appendix D."""
    lr_discriminator: float = 4e-4
    """Adam's α for D. Appendix D."""
    beta1: float = 0.0
    """Appendix D."""
    beta2: float = 0.9
    """Appendix D."""
    epsilon: float = 1e-8
    """Adam's ε: the default of the optimizer. Original configuration."""
    decay: Literal["linear", "none"] = "linear"
    """Both learning rates to 0 over `steps`. Appendix D."""
    ema_decay: float = 0.9999
    """Of G's moving average, buffers too; for StyleGAN 0.5^(batch / 10,000) instead. Appendix D; original
    configuration for CNN and ResNet, where the appendix is silent."""
    ema_start: int = 0
    """The first update of G, counted from 1, that is averaged; the average is a copy of G before. With 0 it starts from
    G's first weights. Original configuration."""
    score_ema: bool = False
    """Whether samples and scores are the average's or G's own. Original configuration: G's for CIFAR-10 and STL-10."""
    flip: bool = True
    """Reals mirrored with probability 1/2. Appendix D."""
    phase_images: int = 0
    """StyleGAN: images of each fade and each hold; 0 is no progressive growing. Original StyleGAN: 600,000."""
    replicas: int = 1
    """Of points: independent runs side by side, each with weights of its own and an equal part of every batch."""
    sources: Mapping[str, str] = field(default_factory=lambda: DEFAULT_SOURCES, compare=False, repr=False)

    def __post_init__(self) -> None:
        _check_types(self)
        for complaint in _complaints(self):
            raise UserError(f"{self.name}: {complaint}")

    def settings(self) -> dict[str, Any]:
        """Every setting by name, without the sources: what JSON holds."""
        return {key: value for key, value in asdict(replace(self, sources={})).items() if key != "sources"}

    def changed(self, source: str = OURS, **settings: Any) -> "Experiment":
        """This experiment with some settings replaced, their source recorded."""
        return replace(self, **settings, sources=MappingProxyType({**self.sources, **dict.fromkeys(settings, source)}))


_ORIGINAL_FIELDS = (
    "latent", "penalty_weight", "consistency_weight", "loss", "generator_batch", "epsilon", "ema_decay", "ema_start",
    "score_ema",
)  # fmt: skip
DEFAULT_SOURCES: Mapping[str, str] = MappingProxyType(
    {each.name: APPENDIX for each in fields(Experiment) if each.name not in ("name", "sources")}
    | dict.fromkeys(_ORIGINAL_FIELDS, ORIGINAL)
    | dict.fromkeys(
        (
            "coupled",
            "phase_images",
            "power_iteration",
            "penalty_every",
            "lecam_weight",
            "augmentation",
            "replicas",
            "lipschitz_constant",
        ),
        OURS,
    )
)


def from_settings(settings: Mapping[str, Any]) -> Experiment:
    """The experiment that `Experiment.settings` wrote; UserError where a setting is unknown or has a wrong value."""
    unknown = set(settings) - {each.name for each in fields(Experiment)}
    absent = {"name", "dataset", "architecture"} - set(settings)
    if absent:
        raise UserError(f"experiment {settings.get('name')}: settings without {', '.join(sorted(absent))}")
    if unknown:
        raise UserError(f"experiment {settings.get('name')}: unknown settings {', '.join(sorted(unknown))}")
    return Experiment(**settings)


def overridden(experiment: Experiment, assignments: Sequence[str]) -> Experiment:
    """`experiment` with settings given as FIELD=VALUE, for instance `loss=wasserstein`; UserError for a wrong one."""
    changes: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        settings = experiment.settings()
        if not equals or name not in settings or name == "name":
            known = ", ".join(key for key in settings if key != "name")
            raise UserError(f"expected a setting as FIELD=VALUE with FIELD one of {known}; got {assignment}")
        kind = type(settings[name])
        try:
            changes[name] = {"true": True, "false": False}[text.lower()] if kind is bool else kind(text)
        except (ValueError, KeyError):
            wanted = {int: "a whole number", float: "a number", bool: "true or false"}.get(kind, "a word")
            raise UserError(f"{name} takes {wanted}, got {text!r}") from None
    return experiment.changed(**changes) if changes else experiment


@cache
def _types() -> Mapping[str, Any]:
    return get_type_hints(Experiment)


def _check_types(experiment: Experiment) -> None:
    for name, hint in _types().items():
        value = getattr(experiment, name)
        if get_origin(hint) is Literal and value not in get_args(hint):
            raise UserError(f"{experiment.name}: {name} is one of {', '.join(get_args(hint))}; got {value!r}")
        if hint in (int, bool, str) and type(value) is not hint:
            raise UserError(f"{experiment.name}: {name} takes a {hint.__name__}, got {value!r}")
        if hint is float and not (isinstance(value, int | float) and math.isfinite(value)):
            raise UserError(f"{experiment.name}: {name} takes a finite number, got {value!r}")


def _complaints(e: Experiment) -> list[str]:
    """What makes no sense about it, each as a sentence."""
    positive = {
        key: getattr(e, key)
        for key in (
            "steps",
            "n_dis",
            "batch",
            "generator_batch",
            "width",
            "latent",
            "lr_generator",
            "lr_discriminator",
            "penalty_every",
            "replicas",
            "epsilon",
            "size",
            "lipschitz_constant",
        )
    }
    betas = {"beta1": e.beta1, "beta2": e.beta2, "ema_decay": e.ema_decay}
    gradient = e.normalization in ("gn", "gn1", "gn0", "gran")
    points = e.dataset in ("ring", "grid")
    cases = [
        *((value <= 0, f"{key} must be positive, got {value}") for key, value in positive.items()),
        *((value >= 2**31, f"{key} must be below 2^31, got {value}") for key, value in positive.items()),
        *((not 0 <= value < 1, f"{key} must lie in [0, 1), got {value}") for key, value in betas.items()),
        (e.consistency_weight < 0, f"consistency_weight must not be negative, got {e.consistency_weight}"),
        (e.ema_start < 0, f"ema_start must not be negative, got {e.ema_start}"),
        (e.phase_images < 0, f"phase_images must not be negative, got {e.phase_images}"),
        (e.classes < 0, f"classes must not be negative, got {e.classes}"),
        (e.penalty == "none" and e.penalty_weight != 0, "penalty_weight without a penalty; say penalty=1-gp or 0-gp"),
        (e.penalty != "none" and e.penalty_weight <= 0, f"{e.penalty} needs a positive penalty_weight"),
        (
            e.penalty in ("r1", "r1-r2") and e.normalization == "gran",
            f"{e.penalty} with gran: inside a region the normalized score has slope K g²/(g² + ε), g being D's own, so "
            "the penalty only flattens D; leave it out",
        ),
        (
            e.penalty in ("r1", "r1-r2") and gradient,
            f"{e.penalty} with {e.normalization}: inside a region the norm of the normalized score's gradient is "
            "(1 - |score|)² at most, so the penalty only rewards scores of ±1; leave it out",
        ),
        (
            e.penalty in ("1-gp", "0-gp") and gradient,
            f"{e.penalty} with {e.normalization}: GN already bounds D's gradient; use one",
        ),
        (e.penalty == "none" and e.penalty_every != 1, "penalty_every without a penalty"),
        (
            e.lipschitz_constant != 1 and e.normalization != "gran",
            f"lipschitz_constant is GraN's K; {e.normalization} has none",
        ),
        (e.lecam_weight < 0, f"lecam_weight must not be negative, got {e.lecam_weight}"),
        (
            e.lecam_weight > 0 and e.loss == "relativistic",
            "LeCam holds scores near their means, but the relativistic loss leaves the scores' level open; use one",
        ),
        (
            e.loss == "relativistic" and e.batch != e.generator_batch,
            "the relativistic loss pairs fakes with reals: batch and generator_batch must be equal",
        ),
        (
            e.loss == "relativistic" and e.classes > 0,
            "the relativistic loss pairs a fake with a real of any class: it is for unconditional experiments",
        ),
        (
            points != (e.architecture == "mlp") or (points and e.size != 2),
            "ring and grid are points, which the mlp takes, with size 2; images need another architecture",
        ),
        (
            points and (e.flip or e.consistency_weight > 0 or e.augmentation != "none"),
            "points are neither flipped nor augmented: leave out flip, consistency_weight and augmentation",
        ),
        (e.replicas > 1 and not points, "replicas are for points; images are trained one run at a time"),
        (
            e.batch % e.replicas != 0 or e.generator_batch % e.replicas != 0,
            f"batch and generator_batch must be multiples of the {e.replicas} replicas",
        ),
        (e.augmentation != "none" and e.architecture == "stylegan", "StyleGAN's growth is not augmented here"),
        (
            e.loss == "non-saturating-without-sigmoid" and e.normalization != "gn",
            f"the loss without sigmoid takes scores in [-1, 1], which only GN gives, not {e.normalization}",
        ),
        (
            e.loss == "wasserstein" and e.normalization == "none" and e.penalty == "none",
            "the Wasserstein loss without a bound on D's gradient diverges; add SN, GN or a penalty",
        ),
        (e.architecture == "biggan" and e.classes == 0, "BigGAN is conditional: classes must be positive"),
        (e.architecture != "biggan" and e.classes != 0, f"{e.architecture} is unconditional: classes must be 0"),
        (
            e.initialization == "original" and e.architecture not in ("cnn", "biggan"),
            "only the CNN and BigGAN have an initialization of their own",
        ),
        (
            e.power_iteration == "original" and e.normalization != "sn" and e.architecture != "biggan",
            "power_iteration without a spectral norm; only BigGAN and normalization=sn have one",
        ),
        (e.coupled and e.architecture != "stylegan", "coupled is StyleGAN's minibatch standard deviation"),
        (e.normalization == "sn" and e.architecture == "stylegan", "StyleGAN's equalized layers take no spectral norm"),
        (e.phase_images > 0 and e.architecture != "stylegan", "only StyleGAN grows progressively"),
        (e.score_ema and e.ema_decay == 0, "score_ema without a moving average: ema_decay is 0"),
    ]
    return [complaint for wrong, complaint in cases if wrong]
