"""The definition, f̂ = f / (‖∇ₓf‖ + |f|): its value, its parameter gradient, and what it does not depend on."""

import torch
from torch import Tensor, nn

from gnref.exact import ExactNetwork
from gnref.laws.case import Case, Normalize, cotangents, judge, parameter_gradients
from gnref.laws.examples import network_cases
from gnref.laws.expected import exact_gradients, expected_value, judge_parameters, live, scores_of
from gnref.laws.law import law


@law("normalized-function", drawn="cases", fixed=network_cases)
def value(normalize: Normalize, case: Case) -> float:
    """f̂ = f / (‖∇ₓf‖₂ + |f|) within (n/2 + 28) roundings, f and ∇ₓf being exact.

    Usual cause: A norm over the batch or over one axis, another norm than L2, an ε or |f| left out, half the digits.
    Remedy: Flatten ∇ₓf to (N, n), take its L2 norm along n, and divide f by that plus |f|, in D's own dtype.
    """
    expected, bound = expected_value(case, "abs")
    return judge("f̂", scores_of(normalize, case)[:, 0], expected, bound, case.snippet())


@law("normalized-function", drawn="cases", fixed=network_cases, needs=("parameter gradient",))
def parameter_gradient(normalize: Normalize, case: Case) -> float:
    """∂Σ l_i f̂_i/∂θ is that of Σ [α_i f_i + β_i ⟨∇ₓf_i, u_i⟩], α = l g/N², β = -l f/N², for unequal weights l.

    Usual cause: torch.autograd.grad without create_graph=True, or a detach() of the norm or of |f|.
    Remedy: Pass create_graph=True, and detach nothing between the scores and the quotient.
    """
    return judge_parameters(normalize, case)


@law("normalized-function", drawn="cases", fixed=network_cases, needs=("parameter gradient",))
def scale_invariance(normalize: Normalize, case: Case) -> float:
    """d/ds f̂[s f] = 0 at s = 1: ⟨∂f̂/∂(W, b), (W, b)⟩ = 0 for the last layer, with as many roundings as its gradient.

    Usual cause: The norm is a constant to the backward pass, so that scaling D changes f̂.
    Remedy: Pass create_graph=True to torch.autograd.grad, and do not detach the norm.
    """
    case = live(case)
    if not case.points or not isinstance(case.network, ExactNetwork):
        return 0.0
    weights, module = cotangents(len(case.points)), case.module()
    bounds = exact_gradients(case, weights)[1]
    found = parameter_gradients(normalize, module, case, weights)
    last = list(module.parameters())[-2:]
    got = sum(float((g.double() * p.detach().double()).sum()) for g, p in zip(found[-2:], last, strict=True))
    bound = sum(
        float((b * p.detach().double().abs().cpu().numpy()).sum()) for b, p in zip(bounds[-2:], last, strict=True)
    )
    return judge("d/ds Σ l_i f̂_i[s f] at s = 1", got, 0.0, bound, case.snippet())


@law("normalized-function", drawn="cases", fixed=network_cases, needs=("batch",))
def batch_is_stack(normalize: Normalize, case: Case) -> float:
    """A batch is the stack of its samples, within (n + 8) roundings of 1: no sample sees another.

    Usual cause: A mean or a norm over the batch, or the gradient of the batch's mean score.
    Remedy: Differentiate the sum of the scores, and reduce over the dimensions of one sample only.
    """
    whole = scores_of(normalize, case)
    module, x, arguments = case.module(), case.x(), case.arguments()
    parts = [
        normalize(module, x[i : i + 1], *(a[i : i + 1] for a in arguments)) for i in range(0, len(x), 1 + len(x) // 8)
    ]
    chosen = whole[:: 1 + len(x) // 8]
    return judge("f̂ of the batch", chosen, torch.cat(parts), (case.array.shape[1] + 8) * case.unit, case.snippet())


@law("normalized-function", level="robustness", evidence="equality", drawn="cases", fixed=network_cases)
def scaling(normalize: Normalize, case: Case) -> float:
    """f̂[2^k f] = f̂[f] bitwise, k = 7 and -5: GN is homogeneous of degree 0, and 2^k rounds nothing.

    Usual cause: An ε, a clamp or the 1 of GN_1 in the denominator, which does not scale with f.
    Remedy: Take it away; an ε that is meant is declared with --eps.
    """
    plain = scores_of(normalize, case)
    for factor in (128.0, -(2.0**-5)):
        module = _Times(case.module(), abs(factor))
        judge(f"f̂[{abs(factor)} f]", normalize(module, case.x(), *case.arguments()), plain, 0.0, case.snippet())
    return 0.0


@law("normalized-function", evidence="equality", drawn="cases", fixed=network_cases)
def negation(normalize: Normalize, case: Case) -> float:
    """f̂[-f] = -f̂[f] bitwise.

    Usual cause: |f| on top, f instead of |f| below, or a clamp on one side.
    Remedy: Divide f itself by g + |f|.
    """
    negated = normalize(_Times(case.module(), -1.0), case.x(), *case.arguments())
    return judge("f̂[-f]", negated, -scores_of(normalize, case), 0.0, case.snippet())


@law("normalized-function", evidence="equality", drawn="cases", fixed=network_cases)
def hidden_permutation(normalize: Normalize, case: Case) -> float:
    """Reversing the order of the first layer's units changes no score: on exact numbers, bitwise.

    Usual cause: The function looks into the discriminator's layers instead of differentiating it.
    Remedy: Use nothing of D but its scores and their gradient in x.
    """
    network = case.network
    if not isinstance(network, ExactNetwork) or not network.layers:
        return 0.0
    first, *rest = network.layers
    following = [*rest, (network.head,)]
    following[0] = tuple((row[::-1], offset) for row, offset in following[0])
    permuted = ExactNetwork((first[::-1], *following[:-1]), following[-1][0], network.slope)
    got = normalize(permuted.to_torch(case.dtype, case.device), case.x())
    return judge("f̂ of permuted units", got, scores_of(normalize, case), 0.0, case.snippet())


@law("normalized-function", evidence="equality", drawn="cases", fixed=network_cases)
def any_rank(normalize: Normalize, case: Case) -> float:
    """x of shape (N, 1, n, 1) or (N, n) and scores of shape (N,) or (N, 1) make no difference: bitwise.

    Usual cause: norm(dim=1) or norm(dim=-1) of a gradient that has not been flattened, or scores of one fixed shape.
    Remedy: Use gradient.flatten(1).norm(dim=1).view(-1, *[1] * (scores.dim() - 1)); for scores (N, 1) alone declare
    --capability column-scores.
    """
    shaped = normalize(_Shaped(case.module()), case.x()[:, None, :, None], *case.arguments())
    return judge("f̂ of x (N, 1, n, 1)", shaped, scores_of(normalize, case)[:, 0], 0.0, case.snippet())


class _Times(nn.Module):
    """s·f for a fixed power of two s."""

    def __init__(self, module: nn.Module, factor: float) -> None:
        super().__init__()
        self.module, self.factor = module, factor

    def forward(self, x: Tensor, *args: Tensor) -> Tensor:
        scaled: Tensor = self.factor * self.module(x, *args)
        return scaled


class _Shaped(nn.Module):
    """The same f of x (N, ...), with scores (N,)."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor, *args: Tensor) -> Tensor:
        score: Tensor = self.module(x.flatten(1), *args)[:, 0]
        return score
