"""The replay in a training step: every ζ and loss, the paper's networks, and the ways in which people run them.

Three yardsticks. On exact networks: NumPy's `pullback`, within n roundings of the sum of the terms' absolute values.
Elsewhere in float64: double backward, within 1e-12 of the gradient's norm, which is 2^13 roundings, and no sum here has
more terms. In a lower precision both methods round differently, so the replay may be at most four times as far from
the float64 gradient as double backward is.
"""

import copy
import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx

import gnref
from gnref import losses, networks
from gnref.exact import ExactNetwork, off_kinks
from gnref.penalties import consistency
from gnref.quotient import normalize

LOSSES = (losses.hinge, losses.wasserstein, losses.non_saturating, losses.non_saturating_without_sigmoid)
ZETAS = ("abs", "one", "zero")
Step = Callable[[nn.Module, Tensor, str], Tensor]


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def hinge_step(discriminator: nn.Module, x: Tensor, method: str) -> Tensor:
    """Reals first, fakes after, in one batch."""
    scores = gnref.gradient_normalize(discriminator, x, method=method)
    return losses.hinge.discriminator(scores[: len(x) // 2], scores[len(x) // 2 :])


def gradients(step: Step, discriminator: nn.Module, x: Tensor, method: str) -> list[Tensor]:
    """Every parameter's gradient after `step(...).backward()` on a copy; all must have one."""
    twin = copy.deepcopy(discriminator)
    step(twin, x, method).backward()
    missing = [name for name, p in twin.named_parameters() if p.requires_grad and p.grad is None]
    assert not missing
    return [p.grad for p in twin.parameters() if p.grad is not None]


def distance(found: list[Tensor], expected: list[Tensor]) -> float:
    """‖found - expected‖ / ‖expected‖ over all parameters."""
    gap = torch.stack([(a.double() - b.double()).norm() for a, b in zip(found, expected, strict=True)]).norm()
    return float(gap / torch.stack([b.double().norm() for b in expected]).norm())


def assert_equal_gradients(discriminator: nn.Module, x: Tensor, step: Step = hinge_step) -> None:
    expected = gradients(step, discriminator, x, "double-backward")
    assert distance(gradients(step, discriminator, x, "replay"), expected) <= 1e-12


def small() -> nn.Module:
    torch.manual_seed(0)
    body = (nn.Conv2d(3, 4, 3, padding=1), nn.LeakyReLU(0.2), nn.Conv2d(4, 4, 4, 2, 1), nn.ReLU())
    return nn.Sequential(*body, nn.Flatten(), nn.Linear(64, 1)).double()


# The yardstick of exact networks

EXACT = [
    off_kinks([[([2, -1], 1), ([1, 3], -3), ([-2, 1], 5)], [([1, -1, 2], 1), ([3, 1, -1], -5)]], ([2, -3], 1), slope)
    for slope in (0.0, 0.25, -1.0)
]


def pullback_of(
    network: ExactNetwork, x: Tensor, zeta: Any, loss: Callable[[Tensor], Tensor]
) -> tuple[list[Tensor], list[Tensor]]:
    """The gradients by NumPy from (α, w) = dL/d(f, v), and what 2n roundings of their terms amount to.

    A term is a product along one path through the layers, and an entry the sum over paths and samples: n = (batch + Σ
    (width + 2)) bounds the roundings that any term goes through, once in each of the two computations.
    """
    at = network.evaluate(x.numpy())
    f, v = (torch.from_numpy(array.copy()).requires_grad_() for array in (at.score, at.gradient))
    alpha, w = torch.autograd.grad(loss(normalize(f, v, zeta)[0]), [f, v])
    found = network.pullback(x.numpy(), alpha.numpy(), w.numpy())
    terms = network.absolute().pullback(x.abs().numpy(), alpha.abs().numpy(), w.abs().numpy())
    roundings = len(x) + sum(weight.shape[1] + 2 for weight, _ in network.matrices())
    bounds = [2 * roundings * 2.0**-53 * torch.from_numpy(term.copy()) for term in terms]
    return [torch.from_numpy(array.copy()) for array in found], bounds


@pytest.mark.parametrize("method", ["replay", "double-backward"])
@pytest.mark.parametrize("zeta", ZETAS)
@pytest.mark.parametrize("network", EXACT, ids=["relu", "leaky", "abs"])
@pytest.mark.parametrize("loss", [*LOSSES, "consistency"], ids=lambda loss: getattr(loss, "name", loss))
def test_every_zeta_and_loss_against_numpy(network: ExactNetwork, loss: Any, zeta: Any, method: Any) -> None:
    """Consistency regularization couples samples; the NS loss without sigmoid needs GN's |f̂| ≤ 1."""
    if loss is losses.non_saturating_without_sigmoid and zeta != "abs":
        pytest.skip("scores outside [-1, 1]")
    x = torch.randint(-4, 5, (8, 2), generator=torch.Generator().manual_seed(0)).double()

    def objective(scores: Tensor) -> Tensor:
        if loss == "consistency":
            return 10 * consistency(scores[:4], scores[4:])
        return loss.discriminator(scores[:4], scores[4:])

    discriminator = network.to_torch()
    objective(gnref.gradient_normalize(discriminator, x, zeta=zeta, method=method)[:, 0]).backward()
    expected, bounds = pullback_of(network, x, zeta, objective)
    for parameter, value, bound in zip(discriminator.parameters(), expected, bounds, strict=True):
        assert parameter.grad is not None
        assert ((parameter.grad - value).abs() <= bound).all()


@pytest.mark.parametrize("zeta", ZETAS)
@pytest.mark.parametrize("network", EXACT, ids=["relu", "leaky", "abs"])
def test_the_free_checksum(network: ExactNetwork, zeta: Any) -> None:
    """Scaling the last layer leaves f̂ of GN and GN_0 as it is, so ⟨θ, ∂L/∂θ⟩ = 0 there; for GN_1 it is Σ l f/(g+1)².

    Left of the equality stands Σ (αf + ⟨v, w⟩), whose terms are bounded as in `pullback_of`.
    """
    x = torch.randint(-4, 5, (8, 2), generator=torch.Generator().manual_seed(0)).double()
    discriminator = network.to_torch()
    losses.wasserstein.generator(gnref.gradient_normalize(discriminator, x, zeta=zeta, method="replay")).backward()
    head = list(discriminator.parameters())[-2:]
    _, bounds = pullback_of(network, x, zeta, losses.wasserstein.generator)
    found = sum((p.detach() * p.grad).sum() for p in head)
    at = network.evaluate(x.numpy())
    f, g = torch.from_numpy(at.score), torch.from_numpy(at.squared_norm).sqrt()
    expected = (-f / (g + 1) ** 2 / len(x)).sum() if zeta == "one" else torch.zeros(())
    assert abs(found - expected) <= 2 * sum(
        (p.detach().abs() * b).sum() for p, b in zip(head, bounds[-2:], strict=True)
    )


# The paper's networks

PAPERS: dict[str, Callable[[], nn.Module]] = {
    "CNN-32": lambda: networks.CNNDiscriminator(32, width=4),
    "CNN-48": lambda: networks.CNNDiscriminator(48, width=4),
    "ResNet-32": lambda: networks.ResNetDiscriminator(32, width=8),
    "ResNet-48": lambda: networks.ResNetDiscriminator(48, width=4),
    "ResNet-128": lambda: networks.ResNetDiscriminator(128, width=4),
    "BigGAN-32": lambda: networks.BigGANDiscriminator(32, width=4),
    "StyleGAN-8": lambda: networks.StyleGANDiscriminator(8, width=1),
}


def paper_step(discriminator: nn.Module, x: Tensor, method: str) -> Tensor:
    """Labels for BigGAN, and StyleGAN while a resolution fades in, so that every parameter is used."""
    condition: tuple[Any, ...] = ()
    if isinstance(discriminator, networks.BigGANDiscriminator):
        condition = (torch.arange(len(x)) % 10,)
    if isinstance(discriminator, networks.StyleGANDiscriminator):
        condition = (0.25,)
    scores = gnref.gradient_normalize(discriminator, x, *condition, method=method)  # type: ignore[arg-type]
    return losses.hinge.discriminator(scores[: len(x) // 2], scores[len(x) // 2 :])


@pytest.mark.parametrize("name", PAPERS)
def test_the_papers_discriminators(name: str) -> None:
    torch.manual_seed(0)
    discriminator = PAPERS[name]()
    size = int(name.split("-")[1])
    x = normal(4, 3, size, size).clamp(-1, 1)
    expected = gradients(paper_step, discriminator.double(), x, "double-backward")
    assert distance(gradients(paper_step, discriminator, x, "replay"), expected) <= 1e-12
    single = [gradients(paper_step, discriminator.float(), x.float(), m) for m in ("replay", "double-backward")]
    assert distance(single[0], expected) <= 4 * distance(single[1], expected)


@pytest.mark.parametrize("fuse", [False, True])
def test_fused_and_channels_last(fuse: bool) -> None:
    torch.manual_seed(0)
    discriminator = networks.ResNetDiscriminator(32, width=4, fuse=fuse).double().to(memory_format=torch.channels_last)
    assert_equal_gradients(discriminator, normal(4, 3, 32, 32).contiguous(memory_format=torch.channels_last))


# Weights that are computed

NORMALIZED_WEIGHTS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "spectral norm": lambda m: nn.utils.parametrizations.spectral_norm(m),
    "spectral norm by hook": lambda m: nn.utils.spectral_norm(m),
    "weight norm": lambda m: nn.utils.parametrizations.weight_norm(m),
    "orthogonal": lambda m: nn.utils.parametrizations.orthogonal(m),
}


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("kind", NORMALIZED_WEIGHTS)
def test_weights_that_are_computed(kind: str, training: bool) -> None:
    discriminator = small().train(training)
    for module in discriminator:
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            NORMALIZED_WEIGHTS[kind](module)
    assert_equal_gradients(discriminator.double(), normal(4, 3, 8, 8))


@pytest.mark.parametrize("kind", ["spectral norm", "spectral norm by hook"])
def test_the_power_iteration_advances_once_a_step(kind: str) -> None:
    layer = NORMALIZED_WEIGHTS[kind](nn.Linear(6, 4)).double()
    discriminator, other = nn.Sequential(layer, nn.ReLU(), nn.Linear(4, 1).double()), copy.deepcopy(layer)
    before = {name: buffer.clone() for name, buffer in layer.named_buffers()}
    gnref.gradient_normalize(discriminator, normal(3, 6), method="replay").sum().backward()
    other(normal(3, 6))
    for (name, mine), theirs in zip(layer.named_buffers(), other.buffers(), strict=True):
        assert torch.equal(mine, theirs)
        assert not torch.equal(mine, before[name])


# Ways to run a step


def accumulated(discriminator: nn.Module, x: Tensor, method: str) -> Tensor:
    hinge_step(discriminator, x[:2], method).backward()
    return hinge_step(discriminator, x[2:], method)


def retained(discriminator: nn.Module, x: Tensor, method: str) -> Tensor:
    loss = hinge_step(discriminator, x, method)
    loss.backward(retain_graph=True)
    loss.backward(retain_graph=True)
    return loss


def several_heads(discriminator: nn.Module, x: Tensor, method: str) -> Tensor:
    """Two heads on one body, one with every loss of its own; the third is the map's mean."""

    def heads(x: Tensor) -> tuple[Tensor, Tensor]:
        h = discriminator[:4](x)
        return discriminator[4:](h), (h * discriminator[2].bias[:, None, None]).sum((1, 2, 3))

    first, second = gnref.gradient_normalize(heads, x, method=method)  # type: ignore[arg-type]
    dense = gnref.gradient_normalize(discriminator[:3], x, reduce="mean", method=method)  # type: ignore[arg-type]
    return first.sum() + second.square().sum() + dense.sin().sum()


def with_score_and_norm(discriminator: nn.Module, x: Tensor, method: str) -> Tensor:
    """The plain score, of another forward pass, in the same loss as f̂."""
    return hinge_step(discriminator, x, method) + discriminator(x).square().mean()


def two_discriminators(discriminator: nn.Module, x: Tensor, method: str) -> Tensor:
    """Two networks, one of which shares a layer with the other, evaluated in turn and differentiated together."""
    torch.manual_seed(3)
    other = nn.Sequential(discriminator[0], nn.ReLU(), nn.Flatten(), nn.Linear(256, 1).double())
    a = gnref.gradient_normalize(discriminator, x, method=method)  # type: ignore[arg-type]
    b = gnref.gradient_normalize(other, x, method=method)  # type: ignore[arg-type]
    return (a * b + a).sum()


def penalty_on_the_normalized_score(discriminator: nn.Module, x: Tensor, method: str) -> Tensor:
    """(‖∇f̂‖ - 1)², differentiated."""
    x = x.clone().requires_grad_()
    scores = gnref.gradient_normalize(discriminator, x, method=method)  # type: ignore[arg-type]
    (slope,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    return scores.sum() + (slope.flatten(1).norm(dim=1) - 1).square().sum()


def gradient_of_the_gradient(discriminator: nn.Module, x: Tensor, method: str) -> Tensor:
    """‖∂L/∂θ‖², differentiated, as a meta-gradient or an unrolled step has it."""
    loss = hinge_step(discriminator, x, method)
    found = torch.autograd.grad(loss, list(discriminator.parameters()), create_graph=True)
    return loss + sum(g.square().sum() for g in found)


STEPS: list[Step] = [
    accumulated,
    retained,
    several_heads,
    with_score_and_norm,
    two_discriminators,
    penalty_on_the_normalized_score,
    gradient_of_the_gradient,
]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_ways_to_run_a_step(step: Step) -> None:
    assert_equal_gradients(small(), normal(4, 3, 8, 8), step)


def test_nested_normalization_equals_double_backwards() -> None:
    """A normalized discriminator is no piecewise-linear one: normalizing it again goes by double backward."""

    def step(discriminator: nn.Module, x: Tensor, method: Any) -> Tensor:
        inner = gnref.GradientNormalized(discriminator, method=method)
        parts = gnref.normalization_parts(inner, x)
        assert parts.method == "double-backward"
        return parts.normalized.square().sum()

    assert_equal_gradients(small(), normal(4, 3, 8, 8), step)


def test_the_generators_gradient() -> None:
    """x is what G made; D is frozen, so nothing but ∇ₓL = l κ v is computed."""

    def step(generator: nn.Module, z: Tensor, method: Any) -> Tensor:
        discriminator = small().requires_grad_(False)
        return -gnref.gradient_normalize(discriminator, generator(z).view(-1, 3, 8, 8), method=method).mean()

    torch.manual_seed(1)
    assert_equal_gradients(nn.Sequential(nn.Linear(4, 192), nn.Tanh()).double(), normal(4, 4), step)


def test_autocast_bfloat16() -> None:
    """D runs in bfloat16, the normalization in float32; the parameters' gradients are float32."""
    torch.manual_seed(0)
    discriminator, x = networks.ResNetDiscriminator(32, width=8), normal(8, 3, 32, 32, dtype=torch.float32)
    exact = gradients(hinge_step, copy.deepcopy(discriminator).double(), x.double(), "double-backward")

    def step(discriminator: nn.Module, x: Tensor, method: str) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return hinge_step(discriminator, x, method)

    found = {method: gradients(step, discriminator, x, method) for method in ("replay", "double-backward")}
    assert all(g.dtype == torch.float32 for g in found["replay"])
    assert distance(found["replay"], exact) <= 4 * distance(found["double-backward"], exact)


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_a_discriminator_in_half_precision(precision: torch.dtype) -> None:
    discriminator, x = small(), normal(4, 3, 8, 8)
    exact = gradients(hinge_step, discriminator, x, "double-backward")
    discriminator.to(precision)
    found = {m: gradients(hinge_step, discriminator, x.to(precision), m) for m in ("replay", "double-backward")}
    assert distance(found["replay"], exact) <= 4 * distance(found["double-backward"], exact)


def test_activation_checkpointing() -> None:
    """The checkpointed part runs again when the plan reads what it saved; nothing else changes."""

    def step(discriminator: nn.Module, x: Tensor, method: str) -> Tensor:
        def run(x: Tensor) -> Tensor:
            h = torch.utils.checkpoint.checkpoint(discriminator[:4], x, use_reentrant=False)
            return discriminator[4:](h)  # type: ignore[no-any-return]

        return gnref.gradient_normalize(run, x, method=method).square().sum()  # type: ignore[arg-type, no-any-return]

    assert_equal_gradients(small(), normal(4, 3, 8, 8), step)


def test_a_condition_computed_by_a_trained_encoder() -> None:
    """What the encoder's parameters receive goes through the encoder, which other terms of the loss use too."""

    def step(both: nn.Module, x: Tensor, method: str) -> Tensor:
        discriminator, encoder = both
        y = encoder(x.mean((2, 3)).detach()).tanh()

        def run(x: Tensor, y: Tensor) -> Tensor:
            h = discriminator[:4](x).flatten(1)
            return (h * y).sum(1) + discriminator[5](h)[:, 0]

        return gnref.gradient_normalize(run, x, y, method=method).square().sum() + y.square().sum()  # type: ignore[arg-type, no-any-return]

    torch.manual_seed(1)
    assert_equal_gradients(nn.Sequential(small(), nn.Linear(3, 64).double()), normal(4, 3, 8, 8), step)


@pytest.mark.parametrize("where", ["0.weight", "2.bias"])
def test_a_gradient_hook_runs_once(where: str) -> None:
    """Hooks on leaves that layers meet directly see the one whole gradient; so do post-accumulate hooks."""

    def step(discriminator: nn.Module, x: Tensor, method: str) -> Tensor:
        parameter, calls = discriminator.get_parameter(where), []
        parameter.register_hook(lambda g: (calls.append(1), g.clamp(max=1e-3))[1])
        parameter.register_post_accumulate_grad_hook(lambda p: calls.append(2))
        loss = hinge_step(discriminator, x, method)
        loss.backward(retain_graph=True)
        assert calls == [1, 2]
        return loss

    assert_equal_gradients(small(), normal(4, 3, 8, 8), step)


def test_a_gradient_hook_behind_a_parametrization_is_left_to_double_backward() -> None:
    discriminator = small()
    nn.utils.parametrizations.spectral_norm(discriminator[0]).double()
    calls: list[int] = []
    discriminator[0].parametrizations.weight.original.register_hook(lambda g: calls.append(1))
    parts = gnref.normalization_parts(discriminator, normal(4, 3, 8, 8))
    assert parts.method == "double-backward"
    parts.normalized.sum().backward()
    assert calls == [1]


def test_a_weight_changed_before_backward_is_an_error_as_usual() -> None:
    for index in (0, 2, 5):
        discriminator = small()
        scores = gnref.gradient_normalize(discriminator, normal(4, 3, 8, 8), method="replay")
        with torch.no_grad():
            discriminator[index].weight.mul_(2)
        if index:
            with pytest.raises(RuntimeError, match="modified by an inplace operation"):
                scores.sum().backward()


def test_a_second_backward_needs_retain_graph_as_usual() -> None:
    loss = hinge_step(small(), normal(4, 3, 8, 8), "replay")
    loss.backward()
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()


# No state left behind


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("backward", [True, False])
def test_a_steps_memory_goes_with_its_result(backward: bool) -> None:
    """No reference cycle keeps an activation alive until the garbage collector comes."""
    kept: list[weakref.ref[torch.UntypedStorage]] = []
    discriminator = small()
    discriminator[3].register_forward_hook(
        lambda module, args, output: kept.append(weakref.ref(output.untyped_storage()))
    )
    scores = gnref.gradient_normalize(discriminator, normal(4, 3, 8, 8), method="replay")
    assert kept[0]() is not None
    if backward:
        scores.sum().backward()
    del scores
    assert kept[0]() is None


def test_an_exception_inside_the_discriminator_leaves_nothing_behind() -> None:
    discriminator, x = small(), normal(4, 3, 8, 8)
    expected = gradients(hinge_step, discriminator, x, "replay")

    class Broken(nn.Module):
        def forward(self, h: Tensor) -> Tensor:
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        gnref.gradient_normalize(nn.Sequential(discriminator[:3], Broken()), x, method="replay")
    for a, b in zip(gradients(hinge_step, discriminator, x, "replay"), expected, strict=True):
        assert torch.equal(a, b)


def test_an_exception_inside_the_backward_pass_leaves_nothing_behind() -> None:
    discriminator, x = small(), normal(4, 3, 8, 8)
    expected = gradients(hinge_step, discriminator, x, "replay")
    loss = hinge_step(discriminator, x, "replay")
    handle = discriminator[0].weight.register_hook(lambda g: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        loss.backward()
    handle.remove()
    discriminator.zero_grad()
    for a, b in zip(gradients(hinge_step, discriminator, x, "replay"), expected, strict=True):
        assert torch.equal(a, b)


# Capture


@pytest.mark.parametrize(("network", "compiled"), [("small", False), ("small", True), ("BigGAN-32", False)])
def test_a_whole_step_captured_as_one_graph(network: str, compiled: bool) -> None:
    """make_fx records the step, gradients included; `torch.compile` takes the recording like any other function."""
    torch.manual_seed(0)
    discriminator = small() if network == "small" else PAPERS[network]().double()
    labels = () if network == "small" else (torch.arange(4),)
    parameters = dict(discriminator.named_parameters())

    def step(parameters: dict[str, Tensor], x: Tensor) -> tuple[Tensor, ...]:
        def run(x: Tensor) -> Tensor:
            result: Tensor = torch.func.functional_call(discriminator, parameters, (x, *labels))
            return result

        scores = gnref.gradient_normalize(run, x, method="replay")
        loss = losses.hinge.discriminator(scores[:2], scores[2:])
        return torch.autograd.grad(loss, list(parameters.values()))

    size = 8 if network == "small" else 32
    first, second = normal(4, 3, size, size, seed=1), normal(4, 3, size, size, seed=2)
    captured: Any = make_fx(step)(parameters, first)
    if compiled:
        captured = torch.compile(captured, backend="aot_eager")
    with torch.no_grad():
        found = captured(parameters, second)
    assert distance(list(found), list(step(parameters, second))) <= 1e-12
