"""What a discriminator returns comes back with f̂ in the place of its scores, whatever the structure."""

from collections import OrderedDict, namedtuple
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import gnref
from gnref.normalization import literal

Judged = namedtuple("Judged", ["score", "features"])


def points() -> Tensor:
    return torch.randn(5, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.fixture
def D() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1)).double()


STRUCTURES: dict[str, Any] = {
    "a tuple": lambda a, b: (a, b),
    "a list": lambda a, b: [a, b],
    "nested lists": lambda a, b: [[a], [b, [a]]],
    "a tuple of lists": lambda a, b: ([a, b], [b]),
    "a dictionary": lambda a, b: {"adv": a, "aux": b},
    "an ordered dictionary of lists": lambda a, b: OrderedDict(real=[a], fake=[b, a]),
    "a named tuple": lambda a, b: Judged(a, b),
    "a head that is None": lambda a, b: {"adv": a, "aux": None, "more": [None, b]},
}


def flat(output: Any) -> list[Any]:
    if isinstance(output, Tensor) or output is None:
        return [output]
    return [leaf for part in (output.values() if isinstance(output, dict) else output) for leaf in flat(part)]


@pytest.mark.parametrize("structure", STRUCTURES)
def test_every_score_is_normalized_where_it_stands(structure: str, D: nn.Module) -> None:
    build = STRUCTURES[structure]
    a, b = literal(D, points()), literal(lambda x: 2 * D(x) - 1, points())
    found = gnref.gradient_normalize(lambda x: (lambda f: build(f, 2 * f - 1))(D(x)), points())
    expected = build(a, b)
    assert type(found) is type(expected)
    if isinstance(expected, dict):
        assert list(found) == list(expected)
    for mine, theirs in zip(flat(found), flat(expected), strict=True):
        if theirs is None:
            assert mine is None
        else:
            # A few roundings of numbers below 1.
            assert mine.sub(theirs).abs().max() <= 8 * 2**-53
    parts = gnref.normalization_parts(lambda x: build(D(x), 2 * D(x) - 1), points())
    leaves: list[Any] = []
    _collect(parts, leaves)
    assert len(leaves) == len([leaf for leaf in flat(expected) if leaf is not None])


def _collect(parts: Any, leaves: list[Any]) -> None:
    if isinstance(parts, gnref.Parts):
        leaves.append(parts)
    elif parts is not None:
        for part in parts.values() if isinstance(parts, dict) else parts:
            _collect(part, leaves)


@pytest.mark.parametrize(
    ("build", "selection"),
    [
        (lambda f, h: (f, h), 0),
        (lambda f, h: (h, f), -1),
        (lambda f, h: {"adv_output": f, "features": h}, "adv_output"),
        (lambda f, h: [[h, f], h], (0, 1)),
        (lambda f, h: {"heads": [f, {"score": f}], "h": None}, ("heads", 1, "score")),
        (lambda f, h: Judged(f, h), "score"),
        (lambda f, h: ([f, f], [h, h]), 0),
    ],
)
def test_a_selected_score_is_normalized_and_the_rest_is_passed_on(build: Any, selection: Any, D: nn.Sequential) -> None:
    def discriminator(x: Tensor) -> Any:
        h = D[:2](x)
        return build(D[2](h), h)

    plain, found = discriminator(points()), gnref.gradient_normalize(discriminator, points(), output=selection)
    wrapped = gnref.GradientNormalized(_Module(discriminator), output=selection)(points())
    expected, replaced = gnref.gradient_normalize(D, points()), 0
    for before, after, again in zip(flat(plain), flat(found), flat(wrapped), strict=True):
        if before is None:
            assert after is None
        elif torch.equal(before, after):
            assert torch.equal(before, again)
        else:
            assert torch.equal(after, expected)
            assert torch.equal(again, expected)
            replaced += 1
    assert replaced == (2 if selection == 0 and isinstance(plain[0], list) else 1)


class _Module(nn.Module):
    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


@pytest.mark.parametrize("shape", [(5,), (5, 1), (5, 1, 1), (5, 1, 1, 1)])
def test_one_score_a_sample_in_any_shape(shape: tuple[int, ...], D: nn.Module) -> None:
    for method in ("auto", "double-backward", "replay"):
        found = gnref.gradient_normalize(lambda x: D(x).view(shape), points(), method=method)  # type: ignore[arg-type]
        assert found.shape == shape
        assert torch.equal(found.flatten(), gnref.gradient_normalize(D, points(), method=method).flatten())  # type: ignore[arg-type]


def test_a_batch_of_one_whose_score_was_squeezed(D: nn.Module) -> None:
    found = gnref.gradient_normalize(lambda x: D(x).squeeze(), points()[:1])
    assert found.shape == ()
    assert found == gnref.gradient_normalize(D, points()[:1]).squeeze()


def test_features_beside_a_score_keep_their_gradient(D: nn.Sequential) -> None:
    """A feature-matching loss on what is passed on beside the loss on f̂: the sum of the gradients by themselves."""

    def both(x: Tensor) -> Any:
        h = D[:2](x)
        return D[2](h), h

    parameters = list(D.parameters())
    for method in ("double-backward", "replay"):
        score, features = gnref.gradient_normalize(both, points(), output=0, method=method)  # type: ignore[arg-type]
        found = torch.autograd.grad(score.mean() + features.square().mean(), parameters)
        alone = torch.autograd.grad(gnref.gradient_normalize(D, points(), method=method).mean(), parameters)  # type: ignore[arg-type]
        rest = torch.autograd.grad(D[:2](points()).square().mean(), parameters, allow_unused=True)
        for mine, a, b in zip(found, alone, rest, strict=True):
            assert mine.sub(a if b is None else a + b).abs().max() <= 16 * 2**-53 * (1 + mine.abs().max())


@pytest.mark.parametrize(
    ("build", "selection", "message"),
    [
        (lambda f: {"a": f}, "b", r"expected output= to name a part .* got \('b',\); at 'b' there is dict with 'a'"),
        (lambda f: (f,), 1, "at 1 there is tuple with 0, -1"),
        (lambda f: f, 0, "there is Tensor with nothing to select from"),
        (lambda f: {"a": None}, None, "expected a score from the discriminator, got none"),
        (lambda f: [], None, "expected a score from the discriminator, got none"),
        (lambda f: {"a": None}, "a", "got NoneType"),
        (lambda f: (f, "text"), None, "expected floating-point scores from the discriminator, got str"),
    ],
)
def test_what_cannot_be_found_is_said(build: Any, selection: Any, message: str, D: nn.Module) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        gnref.gradient_normalize(lambda x: build(D(x)), points(), output=selection)
