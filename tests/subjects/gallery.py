"""Discriminators in the styles of public GAN code: what a call makes of each as it is, and with its remedy.

`PYTHONPATH=tests python tests/subjects/gallery.py` writes gallery.md, which the page on adopting shows; a test
compares. Eleven are those of discriminators.py; the others return, couple and condition in ways that public code
does.
"""

import re
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from subjects.discriminators import STYLES, Scalar
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

import gnref
from gnref.normalization import literal

TABLE = Path(__file__).with_name("gallery.md")


@dataclass(frozen=True)
class Exhibit:
    """One discriminator, and the options of `gradient_normalize` with which it is right."""

    build: Callable[[], nn.Module]
    shape: tuple[int, ...] = (3, 16, 16)
    classes: int = 0
    remedy: dict[str, Any] = field(default_factory=dict)
    prepare: bool = False
    rebuilt: Callable[[], nn.Module] | None = None
    told: str = ""
    """What the remedy is, for the table, where it is neither an option nor `prepare`."""
    within: Callable[[], Any] = nullcontext
    """Where the call is made, with the remedy followed."""

    def inputs(self, samples: int = 4) -> tuple[Tensor, ...]:
        generator = torch.Generator().manual_seed(1)
        x = torch.randn(samples, *self.shape, generator=generator, dtype=torch.float64)
        return (x, torch.arange(samples) % self.classes) if self.classes else (x,)

    def discriminator(self, remedied: bool) -> nn.Module:
        torch.manual_seed(0)
        D = (self.rebuilt or self.build)() if remedied else self.build()
        D = gnref.prepare(D).discriminator if remedied and self.prepare else D
        return D.double()


class Body(nn.Module):
    """An image to eight features."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 6, 4, 2, 1), nn.Conv2d(6, 8, 4, 2, 1)
        self.act = nn.LeakyReLU(0.2)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.b(self.act(self.a(x)))).mean((2, 3))


class Of(nn.Module):
    """A module that computes one function of itself and its inputs, from features `body` and a linear `head`."""

    def __init__(self, function: Callable[..., Any], **parts: nn.Module) -> None:
        super().__init__()
        self.body, self.head, self.function = Body(), nn.Linear(8, 1), function
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Tensor, *labels: Tensor) -> Any:
        return self.function(self, x, *labels)


def dcgan_example() -> nn.Module:
    """All convolutions, batch norm, a sigmoid, scores (N, 1, 1, 1)."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 4, 2, 1, bias=False),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(4, 8, 4, 2, 1, bias=False),
        nn.BatchNorm2d(8),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(8, 1, 4, 1, 0, bias=False),
        nn.Sigmoid(),
    )


class MinibatchDiscrimination(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.T = nn.Parameter(torch.randn(8, 6))

    def forward(self, h: Tensor) -> Tensor:
        m = (h @ self.T).view(len(h), 3, 2)
        return torch.cat([h, (-(m[None] - m[:, None]).abs().sum(3)).exp().sum(1)], 1)


class Period(nn.Module):
    """Audio folded into columns of one period; a flat map of scores and the features of every layer."""

    def __init__(self, period: int) -> None:
        super().__init__()
        self.period = period
        self.layers = nn.ModuleList([nn.Conv2d(1, 4, (5, 1), (3, 1), (2, 0)), nn.Conv2d(4, 4, (5, 1), (3, 1), (2, 0))])
        self.last = nn.Conv2d(4, 1, (3, 1), 1, (1, 0))

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        features = []
        if x.shape[-1] % self.period:
            x = F.pad(x, (0, self.period - x.shape[-1] % self.period), "reflect")
        h = x.view(len(x), 1, -1, self.period)
        for layer in self.layers:
            h = F.leaky_relu(layer(h), 0.1)
            features.append(h)
        h = self.last(h)
        return h.flatten(1), [*features, h]


class Periods(nn.Module):
    """Two periods; a list of their score maps and a list of their features."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleList([Period(2), Period(3)])

    def forward(self, x: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        scores, features = zip(*(part(x) for part in self.parts), strict=True)
        return list(scores), list(features)


class Tokens(nn.Module):
    """A small vision transformer."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 4, 4)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.head = nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(self.patch(x).flatten(2).mT).mean(1))


class Squeezing(nn.Module):
    """A residual network whose channels are gated by a sigmoid of their means."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.block = nn.Conv2d(3, 6, 4, 2, 1), nn.Conv2d(6, 6, 3, 1, 1)
        self.gate, self.score = nn.Linear(6, 6), Scalar(6 * 64)

    def forward(self, x: Tensor) -> Tensor:
        h = F.leaky_relu(self.stem(x), 0.2)
        r = self.block(h)
        return self.score(h + r * torch.sigmoid(self.gate(r.mean((2, 3))))[:, :, None, None])


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(5, 6, batch_first=True), nn.Linear(6, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.lstm(x)[0][:, -1])


def relative(m: Of, x: Tensor) -> Tensor:
    scores = m.head(m.body(x))
    return scores - scores.mean()


def inline_batch_norm(m: Of, x: Tensor) -> Tensor:
    return m.head(F.batch_norm(m.body(x), None, None, training=True))


def plain(m: Of, x: Tensor) -> Tensor:
    return m.head(m.body(x))


def concatenated(m: Of, x: Tensor, y: Tensor) -> Tensor:
    """The label as planes beside the image."""
    planes = m.embed(y)[:, :, None, None].expand(-1, -1, *x.shape[2:])
    return m.head(m.body(m.mix(torch.cat([x, planes], 1))))


def legacy() -> nn.Module:
    norm = nn.utils.spectral_norm
    return nn.Sequential(norm(nn.Conv2d(3, 6, 4, 2, 1)), nn.ReLU(), nn.Flatten(), norm(nn.Linear(6 * 64, 1))).eval()


_OF_STYLES: dict[str, dict[str, Any]] = {
    "DCGAN with batch norm": {"prepare": True},
    "PatchGAN with instance norm": {"remedy": {"reduce": "mean"}},
    "StyleGAN2-like with minibatch std": {"prepare": True},
    "U-Net with a dense head": {"remedy": {"reduce": "mean"}},
    "weight-normalized audio": {"remedy": {"reduce": "mean"}},
}

GALLERY: dict[str, Exhibit] = {
    **{
        name: Exhibit(style.build, style.shape, style.classes, **_OF_STYLES.get(name, {}))
        for name, style in STYLES.items()
        if style.repeatable
    },
    "DCGAN example: batch norm, sigmoid, (N, 1, 1, 1)": Exhibit(dcgan_example, prepare=True),
    "scores (N, 1, 1, 1)": Exhibit(lambda: nn.Sequential(nn.Conv2d(3, 4, 4, 4), nn.ReLU(), nn.Conv2d(4, 1, 4))),
    "(score, features)": Exhibit(lambda: Of(lambda m, x: (m.head(m.body(x)), m.body(x))), remedy={"output": 0}),
    '{"adv_output", "h_feature"}': Exhibit(
        lambda: Of(lambda m, x: {"adv_output": m.head(m.body(x)), "h_feature": m.body(x)}),
        remedy={"output": "adv_output"},
    ),
    "a dictionary with a head that is None": Exhibit(
        lambda: Of(lambda m, x: {"adv_output": m.head(m.body(x)).squeeze(1), "mi_output": None})
    ),
    "an auxiliary classifier": Exhibit(
        lambda: Of(lambda m, x: (m.head(m.body(x)), m.aux(m.body(x))), aux=nn.Linear(8, 4)), remedy={"output": 0}
    ),
    "HiFi-GAN's period discriminator": Exhibit(
        lambda: Period(3), shape=(1, 50), remedy={"output": 0, "reduce": "mean"}
    ),
    "HiFi-GAN's periods, nested lists": Exhibit(Periods, shape=(1, 50), remedy={"output": 0, "reduce": "mean"}),
    "minibatch discrimination": Exhibit(
        lambda: nn.Sequential(Body(), MinibatchDiscrimination(), nn.Linear(11, 1)), prepare=True
    ),
    "relativistic: f - mean f": Exhibit(
        lambda: Of(relative), rebuilt=lambda: Of(plain), told="compare f̂ in the loss, not f in D"
    ),
    "functional batch norm": Exhibit(
        lambda: Of(inline_batch_norm), rebuilt=lambda: Of(plain), told="take F.batch_norm out of its forward pass"
    ),
    "labels as planes": Exhibit(lambda: Of(concatenated, embed=nn.Embedding(4, 2), mix=nn.Conv2d(5, 3, 1)), classes=4),
    "older spectral norm": Exhibit(legacy),
    "squeeze and excitation": Exhibit(Squeezing),
    "vision transformer": Exhibit(
        Tokens,
        within=lambda: sdpa_kernel(SDPBackend.MATH),
        told="call it within `sdpa_kernel(SDPBackend.MATH)`",
    ),
    "LSTM": Exhibit(Recurrent, shape=(7, 5)),
    "PReLU and max pooling": Exhibit(
        lambda: nn.Sequential(nn.Conv2d(3, 6, 3), nn.PReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(6 * 49, 1))
    ),
}


def scores(found: Any, output: Any) -> list[Tensor]:
    """The score tensors in what a discriminator returns, at the place `output` names."""
    if output is not None:
        found = found[output]
    if isinstance(found, Tensor):
        return [found]
    return [
        t
        for part in (found.values() if isinstance(found, dict) else found)
        if part is not None
        for t in scores(part, None)
    ]


def by_the_loop(exhibit: Exhibit, D: nn.Module) -> tuple[list[Tensor], list[Tensor | None]]:
    """f̂ of each head and the gradient of Σ cᵢ f̂ᵢ, one sample after another by the literal formula, in float64."""
    inputs, options = exhibit.inputs(), exhibit.remedy
    heads = len(scores(D(*inputs), options.get("output")))
    columns = []
    for head in range(heads):

        def f(x: Tensor, *labels: Tensor, head: int = head) -> Tensor:
            score = scores(D(x, *labels), options.get("output"))[head]
            return score.flatten(1).mean(1) if options.get("reduce") and score.dim() > 1 else score.reshape(len(x))

        columns.append(torch.cat([literal(f, *(t[i : i + 1] for t in inputs)) for i in range(len(inputs[0]))]))
    gradients = torch.autograd.grad(weighted(columns), list(D.parameters()), allow_unused=True)
    return [column.detach() for column in columns], list(gradients)


def weighted(columns: list[Tensor]) -> Tensor:
    """Σ cᵢ f̂ᵢ with a different weight for every sample and head."""
    flat = torch.cat([column.flatten() for column in columns])
    return (flat * torch.linspace(-1, 2, len(flat), dtype=flat.dtype)).sum()


def judged(exhibit: Exhibit, remedied: bool, method: str = "auto") -> str:
    """ "right", "wrong", or the sentence of the refusal."""
    with exhibit.within() if remedied else nullcontext():
        return _judged(exhibit, remedied, method)


def _judged(exhibit: Exhibit, remedied: bool, method: str) -> str:
    D = exhibit.discriminator(remedied)
    options = exhibit.remedy if remedied else {}
    try:
        found = gnref.gradient_normalize(D, *exhibit.inputs(), method=method, **options)  # type: ignore[arg-type]
    except (TypeError, ValueError) as refusal:
        return str(refusal)
    columns = scores(found, options.get("output"))
    mine = torch.autograd.grad(weighted(columns), list(D.parameters()), allow_unused=True)
    values, theirs = by_the_loop(exhibit, D)
    # In float64: 1e-10 is a million roundings, more than any sum here has terms; a wrong formula is off by 1e-3.
    if any((a.flatten() - b.flatten()).abs().max() > 1e-10 for a, b in zip(columns, values, strict=True)):
        return "wrong"
    size = max(float(g.norm()) for g in theirs if g is not None)
    for a, b in zip(mine, theirs, strict=True):
        zero = torch.zeros(()) if a is None and b is None else torch.zeros_like(a if a is not None else b)  # type: ignore[arg-type]
        if float(((zero if a is None else a) - (zero if b is None else b)).norm()) > 1e-10 * size:
            return "wrong"
    return "right"


def short(sentence: str) -> str:
    """A cell: "right", or what was refused, without the expectation and the remedy."""
    told = sentence.removeprefix("gradient_normalize: ").partition("; ")[0]
    told = re.sub(r"^expected .*?, (?:but|got) ", "", told)
    told = re.sub(r"^\(", "scores of shape (", told)
    return told if told in ("right", "wrong") else f"refused: {told}"


def remedy(exhibit: Exhibit) -> str:
    """What to write, for the table."""
    options = ", ".join(f"{key}={value!r}".replace("'", '"') for key, value in exhibit.remedy.items())
    return ", ".join(
        filter(None, [exhibit.told, "`gnref.prepare(D)`" * exhibit.prepare, f"`{options}`" * bool(options)])
    )


def row(name: str) -> str:
    """A discriminator's line of the table."""
    told = remedy(GALLERY[name])
    then = short(judged(GALLERY[name], remedied=True)) if told else ""
    return f"| {name} | {short(judged(GALLERY[name], remedied=False))} | {told} | {then} |\n"


def table() -> str:
    """Markdown: a row a discriminator."""
    return "| discriminator | as it is | remedy | then |\n|---|---|---|---|\n" + "".join(map(row, GALLERY))


if __name__ == "__main__":
    import warnings

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    TABLE.write_text(table(), encoding="utf-8")
