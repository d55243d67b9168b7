"""The method's plumbing: shapes, dtypes, modes, refusals and side effects."""

import math
import re

import pytest
import torch
from torch import nn

import gnref
from gnref.normalization import literal

ZETAS = ("abs", "one", "zero")


def discriminator(dtype: torch.dtype = torch.float64) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1)).to(dtype)


def points(samples: int = 5, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(samples, 3, generator=torch.Generator().manual_seed(1), dtype=dtype)


# Shapes, dtypes, modes


@pytest.mark.parametrize("samples", [0, 1, 5])
@pytest.mark.parametrize("column", [True, False])
def test_the_result_has_the_scores_shape(samples: int, column: bool) -> None:
    D = discriminator()
    subject = D if column else lambda x: D(x).squeeze(1)
    result = gnref.gradient_normalize(subject, points(samples))
    assert result.shape == ((samples, 1) if column else (samples,))
    result.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in D.parameters())


@pytest.mark.parametrize("shape", [(4,), (4, 6), (4, 2, 6), (4, 2, 3, 3), (4, 2, 2, 2, 2)])
def test_x_of_any_rank(shape: tuple[int, ...]) -> None:
    weights = torch.arange(1.0, 1 + math.prod(shape[1:]), dtype=torch.float64)
    x = torch.ones(shape, dtype=torch.float64)
    parts = gnref.normalization_parts(lambda x: (x.reshape(4, -1) * weights).sum(1), x)
    # The score is linear: f = Σw and ‖∇f‖ = ‖w‖, each within the rounding of a sum of at most 18 terms.
    assert parts.gradient_norm.sub(weights.norm()).abs().max() <= 18 * 2**-53 * weights.norm()
    assert parts.score.eq(weights.sum()).all()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("zeta", ZETAS)
def test_every_floating_dtype_is_kept(dtype: torch.dtype, zeta: str) -> None:
    D = discriminator(dtype)
    parts = gnref.normalization_parts(D, points(dtype=dtype), zeta=zeta)
    assert parts.normalized.dtype == parts.gradient_norm.dtype == parts.score.dtype == dtype
    parts.normalized.sum().backward()
    assert D[0].weight.grad.dtype == dtype


def test_autocast_runs_the_discriminator_low_and_the_normalization_in_float32() -> None:
    D, x = discriminator(torch.float32), points(dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        parts = gnref.normalization_parts(D, x)
    assert parts.score.dtype == torch.bfloat16
    assert parts.normalized.dtype == torch.float32
    # f is bfloat16 and g float32: the quotient is formed in float32 and not rounded to 8 bits.
    expected = parts.score.float() / (parts.gradient_norm + parts.score.float().abs())
    assert parts.normalized.flatten().sub(expected).abs().max() <= 4 * 2**-24


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_value_without_gradients(mode: type) -> None:
    D, x = discriminator(), points()
    with mode():
        parts = gnref.normalization_parts(D, x)
    assert parts.method == "value"
    assert not parts.normalized.requires_grad
    assert torch.equal(parts.normalized, gnref.gradient_normalize(D, x).detach())


def test_an_inference_tensor_is_accepted() -> None:
    D = discriminator()
    with torch.inference_mode():
        x = points()
        assert x.is_inference()
        result = gnref.gradient_normalize(D, x)
    assert result.shape == (5, 1)


@pytest.mark.parametrize("method", ["double-backward", "replay"])
def test_leaf_and_non_leaf_x_receive_the_same_gradient(method: str) -> None:
    D = discriminator()
    leaf, source = points().requires_grad_(), points().requires_grad_()
    gnref.gradient_normalize(D, leaf, method=method).sum().backward()
    gnref.gradient_normalize(D, source * 1, method=method).sum().backward()
    assert torch.equal(leaf.grad, source.grad)
    assert leaf.grad.ne(0).any()


def test_only_the_discriminators_own_dependence_on_x_counts() -> None:
    """f(x) = x·y with y = x computed outside: ∇ₓf is y, not 2x [GN, Eq. 16: D_y(x) is a function of x for each y]."""
    x = torch.tensor([[3.0, 4.0]], requires_grad=True)
    parts = gnref.normalization_parts(lambda x, y: (x * y).sum(1), x, x * 1, method="double-backward")
    assert parts.gradient_norm.item() == 5


def test_several_heads_are_normalized_each_by_itself() -> None:
    first, second = discriminator(), nn.Linear(3, 1).double()
    for kind in (tuple, list):
        both = gnref.gradient_normalize(lambda x: kind((first(x), second(x))), points())  # noqa: B023 - called at once
        assert type(both) is kind
        assert torch.equal(both[0], gnref.gradient_normalize(first, points()))
        assert torch.equal(both[1], gnref.gradient_normalize(second, points()))


def test_a_dense_map_is_reduced_to_its_mean_on_request() -> None:
    torch.manual_seed(0)
    D = nn.Conv2d(3, 1, 3).double()
    x = torch.randn(4, 3, 6, 6, dtype=torch.float64)
    result = gnref.gradient_normalize(D, x, reduce="mean")
    assert result.shape == (4,)
    assert torch.equal(result, gnref.gradient_normalize(lambda x: D(x).flatten(1).mean(1), x))


def conditional(x: torch.Tensor, y: torch.Tensor, *, scale: float = 1.0) -> torch.Tensor:
    return (x * torch.nn.functional.one_hot(y, 3)).sum(1) * scale + 1


def test_further_arguments_reach_the_discriminator() -> None:
    """D_y(x) = s·x_y + 1 at x = (1, 2, 4): ‖∇ₓD‖ = s, f̂ = (s·x_y + 1)/(s·x_y + 1 + s)."""
    x, y = torch.tensor([[1.0, 2.0, 4.0]], dtype=torch.float64).repeat(3, 1), torch.arange(3)
    expected = [(2 * v + 1) / (2 * v + 3) for v in (1.0, 2.0, 4.0)]
    for normalize in (gnref.gradient_normalize, literal):
        assert normalize(conditional, x, y, scale=2.0).tolist() == pytest.approx(expected, rel=4 * 2**-53)

    class Module(nn.Module):
        forward = staticmethod(conditional)

    found = gnref.GradientNormalized(Module())(x, y, scale=2.0)
    assert found.tolist() == pytest.approx(expected, rel=4 * 2**-53)


def test_the_parts_are_of_the_selected_output_and_its_mean() -> None:
    """f = the mean of x ↦ (x_1, 3 x_1), which is 2 x_1: its gradient has the norm 2."""

    def several(x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"features": x, "map": x[:, :1] * torch.tensor([1.0, 3.0], dtype=x.dtype)}

    found = gnref.normalization_parts(several, points(), reduce="mean", output="map")
    assert torch.equal(found["features"], points())
    parts = found["map"]
    assert torch.equal(parts.score.flatten(), 2 * points()[:, 0])
    assert parts.gradient_norm.tolist() == [2.0] * 5


def test_the_module_equals_the_function_and_keeps_its_arguments() -> None:
    D, x = discriminator(), points()
    module = gnref.GradientNormalized(D)
    assert (module.zeta, module.method, module.reduce, module.coupled) == ("abs", "auto", None, False)
    assert torch.equal(module(x), gnref.gradient_normalize(D, x))
    module = gnref.GradientNormalized(D, zeta="one", method="double-backward")
    assert torch.equal(module(x), gnref.gradient_normalize(D, x, zeta="one", method="double-backward"))
    refusing = gnref.GradientNormalized(nn.Tanh(), method="replay")
    with pytest.raises(ValueError, match="piecewise-linear"):
        refusing(torch.ones(2, 1))
    dense = gnref.GradientNormalized(nn.Identity(), reduce="mean")
    assert dense(x).shape == (5,)
    coupling = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 1)).double()
    assert gnref.GradientNormalized(coupling, coupled=True)(x).shape == (5, 1)
    assert gnref.gradient_normalize(coupling, x, coupled=True).shape == (5, 1)
    for refused in (gnref.GradientNormalized(coupling), lambda x: gnref.normalization_parts(coupling, x)):
        with pytest.raises(ValueError, match="BatchNorm1d"):
            refused(x)
    assert dict(module.named_parameters()).keys() == {f"discriminator.{name}" for name, _ in D.named_parameters()}


# Gradients


@pytest.mark.parametrize("method", ["auto", "double-backward", "replay"])
@pytest.mark.parametrize("zeta", ZETAS)
def test_the_parameter_gradient_of_a_linear_discriminator_is_known(method: str, zeta: str) -> None:
    """f = ⟨w, x⟩, g = ‖w‖: df̂/dw = (∂f̂/∂f) x + (∂f̂/∂g) w/g, at w = (3, 4) and x = (2, 1), where f = 10 and g = 5.

    GN: (5x - 10 w/5)/15² = (4, -3)/225. GN_1: x/6 - (10/36) w/5 = (1/6, -1/18). GN_0: x/5 - (10/25) w/5 = (4, -3)/25.
    """
    D = nn.Linear(2, 1, bias=False).double()
    D.weight.data.copy_(torch.tensor([[3.0, 4.0]]))
    x = torch.tensor([[2.0, 1.0]], dtype=torch.float64, requires_grad=True)
    parts = gnref.normalization_parts(D, x, zeta=zeta, method=method)
    assert parts.method == ("replay" if method == "replay" else "double-backward")
    parts.normalized.sum().backward()
    expected = {"abs": [4 / 225, -3 / 225], "one": [1 / 6, -1 / 18], "zero": [4 / 25, -3 / 25]}[zeta]
    # A few roundings of terms below 2.
    assert D.weight.grad.flatten().tolist() == pytest.approx(expected, abs=16 * 2**-53)
    slope = {"abs": 5 / 225, "one": 1 / 6, "zero": 1 / 5}[zeta]
    assert x.grad.flatten().tolist() == pytest.approx([3 * slope, 4 * slope], abs=16 * 2**-53)


def test_replay_names_the_module_it_cannot_replay() -> None:
    D = nn.Sequential(nn.Linear(3, 4), nn.Sigmoid(), nn.Linear(4, 1)).double()
    with pytest.raises(ValueError, match=r"SigmoidBackward0 is not known to be piecewise linear in 1 \(Sigmoid\)"):
        gnref.gradient_normalize(D, points(), method="replay")
    assert gnref.normalization_parts(D, points()).method == "double-backward"


def test_several_heads_without_gradients_share_one_graph() -> None:
    trunk = discriminator()
    with torch.no_grad():
        first, second = gnref.gradient_normalize(lambda x: (trunk(x), 2 * trunk(x) + x.sum(1, keepdim=True)), points())
        shared = trunk[:2]
        both = gnref.gradient_normalize(lambda x: (lambda h: (trunk[2](h), -trunk[2](h)))(shared(x)), points())
    assert torch.equal(both[0], first)
    assert torch.equal(both[1], -first)
    assert second.shape == first.shape


# Side effects


@pytest.mark.parametrize("method", ["double-backward", "replay"])
def test_nothing_is_changed(method: str) -> None:
    D = nn.Sequential(discriminator(), nn.BatchNorm1d(1).double().eval())
    x = points().requires_grad_()
    before = [x.clone(), *(t.clone() for t in D.state_dict().values())]
    random_state = torch.get_rng_state()
    gnref.gradient_normalize(D, x, method=method)
    assert all(torch.equal(a, b) for a, b in zip(before, [x, *D.state_dict().values()], strict=True))
    assert torch.equal(random_state, torch.get_rng_state())
    assert x.grad is None
    assert x.requires_grad
    assert all(p.grad is None for p in D.parameters())
    assert not points().requires_grad


@pytest.mark.parametrize("method", ["auto", "double-backward"])
def test_one_forward_pass_as_far_as_buffers_see(method: str) -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(3, 1)
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            return torch.tanh(self.linear(x))  # not piecewise linear: "auto" falls back without a second pass

    D = Counting()
    parts = gnref.normalization_parts(D, points(dtype=torch.float32), method=method)
    assert parts.method == "double-backward"
    assert D.calls.item() == 1


# Refusals: one sentence each


class MinibatchStdDev(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + x.std(0)


REFUSED = {
    "a dense score": (
        lambda: nn.Conv2d(1, 1, 3, padding=1),
        torch.ones(4, 1, 8, 8),
        r"shape \(4,\) or \(4, 1\), got \(4, 1, 8, 8\)",
    ),
    "an integer input": (discriminator, torch.ones(4, 3, dtype=torch.int64), "floating-point x, got torch.int64"),
    "a scalar input": (discriminator, torch.ones(()), r"shape \(N, \.\.\.\), got a scalar"),
    "samples without entries": (discriminator, torch.ones(4, 0), r"samples with entries, got x of shape \(4, 0\)"),
    "no tensor": (discriminator, [[1.0, 2.0, 3.0]], "expected a tensor x, got list"),
    "a score that ignores x": (
        lambda: lambda x: torch.ones(len(x), requires_grad=True) * 2,
        torch.ones(4, 3),
        "depend on x",
    ),
    "a detached score": (lambda: lambda x: x.detach().sum(1), torch.ones(4, 3), "depend on x"),
    "integer scores": (lambda: lambda x: x.sum(1).long(), torch.ones(4, 3), "floating-point scores"),
    "no score at all": (lambda: lambda x: None, torch.ones(4, 3), "got NoneType"),
    "batch norm in training mode": (
        lambda: nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 1)),
        torch.ones(4, 3),
        r"0 \(BatchNorm1d in training mode\)",
    ),
    "batch norm without running statistics": (
        lambda: nn.Sequential(nn.BatchNorm1d(3, track_running_stats=False), nn.Linear(3, 1)).eval(),
        torch.ones(4, 3),
        "BatchNorm1d",
    ),
    "minibatch standard deviation": (
        lambda: nn.Sequential(MinibatchStdDev(), nn.Linear(3, 1)),
        torch.eye(4, 3),
        r"0 \(MinibatchStdDev\)",
    ),
    "weights of NaN": (
        lambda: nn.Linear(3, 1).requires_grad_(False).apply(lambda m: m.weight.fill_(math.nan)),
        torch.ones(4, 3),
        "not finite",
    ),
    "an input of inf": (discriminator, torch.full((4, 3), math.inf, dtype=torch.float64), "not finite"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("method", ["auto", "double-backward"])
def test_what_cannot_be_normalized_is_refused(case: str, method: str) -> None:
    build, x, message = REFUSED[case]
    D = build()
    random_state = torch.get_rng_state()
    with pytest.raises((TypeError, ValueError), match=message) as raised:
        gnref.gradient_normalize(D, x, method=method)
    assert str(raised.value).startswith("gradient_normalize: ")
    assert "\n" not in str(raised.value)
    assert torch.equal(random_state, torch.get_rng_state())


WRONG = {
    "zeta": ("relu", 'zeta "abs" (GN), "one" (GN_1), "zero" (GN_0) or "gran" (GraN), got \'relu\''),
    "method": ("fast", 'method "auto", "double-backward" or "replay", got \'fast\''),
    "reduce": ("sum", "reduce None or \"mean\", got 'sum'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_argument_is_refused(name: str) -> None:
    value, expected = WRONG[name]
    with pytest.raises(ValueError, match=f"^{re.escape(f'gradient_normalize: expected {expected}')}$"):
        gnref.gradient_normalize(discriminator(), points(), **{name: value})


def test_what_is_no_module_is_not_wrapped() -> None:
    with pytest.raises(TypeError) as refusal:
        gnref.GradientNormalized(len)  # type: ignore[arg-type]
    assert str(refusal.value) == (
        "GradientNormalized: expected a torch.nn.Module, got builtin_function_or_method; "
        "gradient_normalize takes any callable"
    )


def test_a_discriminators_own_error_passes_unchanged() -> None:
    def broken(x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("mine")

    x = points().requires_grad_()
    with pytest.raises(RuntimeError, match=r"^mine$"):
        gnref.gradient_normalize(broken, x)
    assert torch.is_grad_enabled()
    assert x.grad is None


def test_coupled_computes_the_gradient_of_the_summed_score() -> None:
    """f_i = x_i + Σ_j x_j on scalars: Σ_i f_i = 3 Σ_j x_j for two samples, so the gradient is 3 for both."""
    D = MinibatchStdDev()
    D.forward = lambda x: x.flatten() + x.sum()  # type: ignore[method-assign]
    parts = gnref.normalization_parts(D, torch.tensor([[1.0], [2.0]]), coupled=True)
    assert parts.gradient_norm.tolist() == [3, 3]
    assert parts.method == "double-backward"
    expected = 'expected method "auto" or "double-backward" with coupled=True, got \'replay\''
    with pytest.raises(ValueError, match=f"^gradient_normalize: {expected}$"):
        gnref.gradient_normalize(D, torch.ones(2, 1), coupled=True, method="replay")
