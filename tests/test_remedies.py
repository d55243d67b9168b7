"""Each refusal's remedy, followed as it stands, gives the f̂ that the equation gives."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from subjects.versions import OLDEST
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.utils.checkpoint import checkpoint

import gnref
from gnref import remedies
from gnref.normalization import literal


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1)).double()


def points() -> Tensor:
    return torch.randn(6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


D, x = network(), points().requires_grad_()


@dataclass(frozen=True)
class Case:
    """A call that is refused with a remedy, and the same call after the remedy; f̂ of `plain` is what it should give."""

    remedy: str
    refused: Callable[[], object]
    remedied: Callable[[], Tensor]
    plain: Callable[[Tensor], Tensor] = D
    refusal: type[Exception] = ValueError


def exported() -> Tensor:
    loaded = torch.export.export(D, (x.detach(),)).module()
    return gnref.gradient_normalize(loaded, x)


def quantized() -> nn.Module:
    return torch.ao.quantization.quantize_dynamic(network().float(), {nn.Linear})


def attended(x: Tensor) -> Tensor:
    h = torch.stack([x, 2 * x], 1)[:, None]
    return nn.functional.scaled_dot_product_attention(h, h, h).sum((1, 2, 3))


def forward_mode() -> Tensor:
    with forward_ad.dual_level():
        return gnref.gradient_normalize(D, forward_ad.make_dual(x.detach(), torch.ones_like(x)))


def with_math(run: Callable[[], Tensor]) -> Tensor:
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        return run()


def functional(x: Tensor, weight: Tensor) -> Tensor:
    """f̂ with the first layer's weight given, as torch.func's users write it."""
    normalized: Tensor = torch.func.functional_call(
        gnref.GradientNormalized(D), {"discriminator.0.weight": weight}, (x,)
    )
    return normalized


def checkpointed(x: Tensor, reentrant: bool) -> Tensor:
    score: Tensor = checkpoint(D, x, use_reentrant=reentrant)
    return score


def pair(x: Tensor) -> dict[str, Tensor]:
    return {"features": D[0](x), "score": D(x)}


def coupling(x: Tensor) -> Tensor:
    score: Tensor = D(x + x.mean(0))
    return score


def picture(x: Tensor) -> Tensor:
    return D(x) * torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)


def forgotten(x: Tensor, detach: bool) -> Tensor:
    score: Tensor = D(x.detach() if detach else x)
    return score


def broken(value: float) -> nn.Sequential:
    found = network()
    with torch.no_grad():
        found[0].weight[0, 0] = value
    return found


def own_forward() -> nn.Module:
    found = network()
    found.forward = found.forward  # type: ignore[method-assign]
    return found


def removed() -> Tensor:
    registered = gnref.register_gradient_normalization(network())
    gnref.remove_gradient_normalization(registered)
    normalized: Tensor = gnref.register_gradient_normalization(registered)(x)
    return normalized


def batch_normalized() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Linear(8, 1)).double()


def gradients(method: str) -> Tensor:
    return gnref.gradient_normalize(lambda x: D(x.tanh()), x, method=method)  # type: ignore[arg-type]


CASES = {
    "ADMIT": Case(
        remedies.ADMIT,
        lambda: gnref.gradient_normalize(batch_normalized(), x),
        lambda: gnref.gradient_normalize(coupling, x, coupled=True),
        coupling,
    ),
    "COUPLED": Case(
        remedies.COUPLED,
        lambda: gnref.gradient_normalize(coupling, x),
        lambda: gnref.gradient_normalize(coupling, x, coupled=True),
        coupling,
    ),
    "DENSE_MAP": Case(
        remedies.DENSE_MAP,
        lambda: gnref.gradient_normalize(picture, x),
        lambda: gnref.gradient_normalize(picture, x, reduce="mean"),
        lambda x: picture(x).mean(1),
    ),
    "DOUBLE_BACKWARD": Case(
        remedies.DOUBLE_BACKWARD, lambda: gradients("replay"), lambda: gradients("auto"), lambda x: D(x.tanh())
    ),
    "EXPORT": Case(
        remedies.EXPORT, lambda: torch.export.export(gnref.GradientNormalized(D), (x.detach(),)), exported
    ),
    "EXPORT by a trace": Case(
        remedies.EXPORT,
        lambda: torch.jit.trace(gnref.GradientNormalized(D), (x.detach(),)),
        lambda: gnref.gradient_normalize(torch.jit.trace(D, (x.detach(),)), x),
    ),
    "FLOAT": Case(
        remedies.FLOAT,
        lambda: gnref.gradient_normalize(quantized(), x.float()),
        lambda: gnref.GradientNormalized(D)(x),
    ),
    "NOT_FINITE": Case(
        remedies.NOT_FINITE,
        lambda: gnref.gradient_normalize(broken(float("nan")), x),
        lambda: gnref.gradient_normalize(broken(0.5), x),
        broken(0.5),
    ),
    "ON_X": Case(
        remedies.ON_X,
        lambda: gnref.gradient_normalize(forgotten, x, detach=True),
        lambda: gnref.gradient_normalize(forgotten, x, detach=False),
    ),
    "ONE_OF_SEVERAL": Case(
        remedies.ONE_OF_SEVERAL,
        lambda: gnref.gradient_normalize(pair, x),
        lambda: gnref.gradient_normalize(pair, x, output="score")["score"],
    ),
    "ONCE_DIFFERENTIABLE: a compiled D": Case(
        remedies.ONCE_DIFFERENTIABLE["CompiledFunction"],
        lambda: gnref.gradient_normalize(torch.compile(network(), backend="aot_eager"), x),
        lambda: torch.compile(gnref.GradientNormalized(D), backend="aot_eager")(x),
    ),
    "ONCE_DIFFERENTIABLE: hardsigmoid": Case(
        remedies.ONCE_DIFFERENTIABLE["Hardsigmoid"],
        lambda: gnref.gradient_normalize(lambda x: nn.functional.hardsigmoid(x).sum(1), x),
        lambda: gnref.gradient_normalize(lambda x: (nn.functional.relu6(x + 3) / 6).sum(1), x),
        lambda x: (nn.functional.relu6(x + 3) / 6).sum(1),
    ),
    "ONCE_DIFFERENTIABLE: attention": Case(
        remedies.ONCE_DIFFERENTIABLE["ScaledDotProduct"],
        lambda: gnref.gradient_normalize(lambda x: attended(x), x),  # one that no call has looked at yet
        lambda: with_math(lambda: gnref.gradient_normalize(attended, x)),
        lambda x: with_math(lambda: attended(x)),
    ),
    "REENTRANT": Case(
        remedies.REENTRANT,
        lambda: gnref.gradient_normalize(checkpointed, x, reentrant=True),
        lambda: gnref.gradient_normalize(checkpointed, x, reentrant=False),
    ),
    "REMOVE": Case(
        remedies.REMOVE,
        lambda: gnref.register_gradient_normalization(gnref.register_gradient_normalization(network())),
        removed,
    ),
    "SIGMOID": Case(
        remedies.SIGMOID,
        lambda: gnref.gradient_normalize(nn.Sequential(network(), nn.Sigmoid()), x),
        lambda: gnref.gradient_normalize(gnref.prepare(nn.Sequential(network(), nn.Sigmoid())).discriminator, x),
        refusal=UserWarning,
    ),
    "FORWARD_MODE": Case(
        remedies.FORWARD_MODE,
        forward_mode,
        lambda: torch.autograd.functional.jvp(
            lambda x: gnref.gradient_normalize(D, x), x, torch.ones_like(x), create_graph=True
        )[0],
    ),
    "TRANSFORM: torch.func.grad": Case(
        remedies.TRANSFORM,
        lambda: torch.func.grad(lambda w: functional(x, w).sum())(D[0].weight.detach()),
        lambda: functional(x, D[0].weight),
    ),
    "TRANSFORM: vmap": Case(
        remedies.TRANSFORM,
        lambda: torch.func.vmap(lambda one: gnref.gradient_normalize(D, one[None]))(x),
        lambda: gnref.gradient_normalize(D, x),
    ),
    "WRAP": Case(
        remedies.WRAP,
        lambda: gnref.register_gradient_normalization(own_forward()),
        lambda: gnref.GradientNormalized(own_forward())(x),
    ),
    "WRAPPED": Case(
        remedies.WRAPPED,
        lambda: gnref.gradient_normalize(gnref.GradientNormalized(D), x),
        lambda: gnref.gradient_normalize(D, x),
    ),
    "a floating-point x": Case(
        "use x.float()",
        lambda: gnref.gradient_normalize(D, torch.arange(18).view(6, 3)),
        lambda: gnref.gradient_normalize(D, x),
        refusal=TypeError,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_remedy_followed_as_it_stands_gives_f_hat(name: str) -> None:
    """Value, gradient in x, and in D's parameters where the call is of D and not of a copy of it.

    Both sides take fewer than 200 float64 operations a number, so they agree to 1e-12.
    """
    case = CASES[name]
    if OLDEST and name == "EXPORT":
        pytest.skip("PyTorch 2.6 refuses it in words of its own")
    with warnings.catch_warnings():
        # Quantizing and tracing are deprecated, and people still do both.
        warnings.simplefilter("error" if case.refusal is UserWarning else "ignore")
        with pytest.raises(case.refusal) as refusal:
            case.refused()
        assert case.remedy in str(refusal.value)
        warnings.simplefilter("ignore")
        remedied = case.remedied()
    weights = torch.arange(1.0, 7.0, dtype=torch.float64)

    def value_and_gradients(f_hat: Tensor) -> list[Tensor | None]:
        flat = f_hat.reshape(-1)
        return [flat, *torch.autograd.grad((weights * flat).sum(), [x, *D.parameters()], allow_unused=True)]

    for found, expected in zip(value_and_gradients(remedied), value_and_gradients(literal(case.plain, x)), strict=True):
        if found is not None:
            torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_every_remedy_is_followed_here_or_where_its_network_is() -> None:
    """Recurrent layers and attention also in test_coupling, sharded ones there too; modules in test_diagnosis."""
    named = {name.split(":")[0].split(" ")[0] for name in CASES}
    assert named >= {name for name in vars(remedies) if name.isupper() and not name.startswith("_")}
