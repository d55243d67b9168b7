"""The rule by which "auto" chooses: by the work in a graph, the same each time."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import gnref
from gnref import work
from gnref.networks import CNNDiscriminator, ResNetDiscriminator


def perceptron(width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))


@pytest.mark.parametrize(
    ("D", "shape"),
    [
        (perceptron(256), (64, 2)),
        (CNNDiscriminator(32, width=8), (2, 3, 32, 32)),
        (ResNetDiscriminator(32, width=8), (2, 3, 32, 32)),
        (nn.Sequential(nn.ConvTranspose2d(3, 4, 4, 2, groups=1), nn.Flatten(), nn.LazyLinear(1)), (2, 3, 8, 8)),
    ],
)
def test_the_count_is_that_of_the_products_and_a_little_for_each_entry(
    D: nn.Module, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At least the multiplications that torch counts, and at most three times as many on networks of some width."""
    with FlopCounterMode(display=False) as counter:
        D(torch.zeros(shape))
    products = counter.get_total_flops() // 2
    inner = torch.zeros(shape, requires_grad=True)
    score = D(inner)
    monkeypatch.setitem(work.PAYS, "cpu", products)
    assert work.replay_pays(score, inner)
    monkeypatch.setitem(work.PAYS, "cpu", 3 * products + 2**18)
    assert not work.replay_pays(score, inner)


def test_auto_takes_the_replay_where_it_pays_and_double_backward_below() -> None:
    x = torch.randn(64, 2)
    assert gnref.normalization_parts(perceptron(64), x).method == "double-backward"
    assert gnref.normalization_parts(perceptron(1024), x).method == "replay"
    assert gnref.normalization_parts(perceptron(64), x, method="replay").method == "replay"


def test_without_a_parameter_to_train_the_replay_pays_always() -> None:
    D = perceptron(8).requires_grad_(False)
    x = torch.randn(4, 2, requires_grad=True)
    assert gnref.normalization_parts(D, x).method == "replay"
    assert gnref.normalization_parts(D.requires_grad_(True), x).method == "double-backward"


def test_what_made_x_does_not_count() -> None:
    x = perceptron(2048)(torch.randn(512, 2)).expand(-1, 2)
    assert gnref.normalization_parts(perceptron(8), x).method == "double-backward"


def test_counted_once_for_a_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    D, counts = perceptron(8), []
    count = work.replay_pays
    monkeypatch.setattr(work, "replay_pays", lambda *args: counts.append(1) or count(*args))
    for _ in range(3):
        gnref.gradient_normalize(D, torch.randn(4, 2))
    assert len(counts) == 1
    gnref.gradient_normalize(D, torch.randn(5, 2))
    assert len(counts) == 2
