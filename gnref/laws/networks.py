"""The paper's own discriminators: with exact numbers, where a 0.1 % error of one layer's gradient shows, and trained.

With exact numbers (`NetworkCase`) f and ∇ₓf are exact in float64, and a derived bound is a hundred-millionth of what is
judged or less. Trained on images (`Real`) every number is rounded, and only what holds bit for bit is asked.
"""

import copy
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from gnref import losses
from gnref.certificates.chain import Chain
from gnref.certificates.segment import Segment
from gnref.laws.case import Normalize, cotangents, judge
from gnref.laws.images import gradient_bounds, input_gradient_bounds
from gnref.laws.law import law, law_of_f
from gnref.laws.network_case import NetworkCase, network_cases


@dataclass(frozen=True, eq=False)
class Real:
    """A discriminator with any weights, and images x.

    `linear` is the same architecture with the identity for every activation; its own weights do not matter. With |W|
    and |b| it bounds every term of f and of ∇ₓf: their rounding errors are relative to that.
    """

    name: str
    module: nn.Module
    linear: nn.Module = field(repr=False)
    x: Tensor = field(repr=False)

    def to(self, dtype: torch.dtype, device: str = "cpu") -> "Real":
        """The same case, its numbers rounded to another dtype."""
        module, linear = (copy.deepcopy(m).to(device, dtype) for m in (self.module, self.linear))
        return Real(self.name, module, linear, self.x.to(device, dtype))

    def majorant(self) -> nn.Module:
        """The network of |W|, |b| and the identity."""
        absolute = copy.deepcopy(self.linear)
        absolute.load_state_dict({name: value.abs() for name, value in self.module.state_dict().items()})
        return absolute

    def largest_norm(self) -> Tensor:
        """‖·‖ (N,) of the majorant's input gradient."""
        x = self.x.abs().requires_grad_()
        (gradient,) = torch.autograd.grad(self.majorant()(x).sum(), x)
        norm: Tensor = torch.linalg.vector_norm(gradient.flatten(1), dim=1)
        return norm

    def roundings(self) -> float:
        """Roundings on a path through both passes: a sum over fan-in and one over fan-out a layer, and 8 more.

        The 8 are for the bias, the activation, pooling, and the sum of branches, in both directions.
        """
        weights = [p for p in self.module.parameters() if p.dim() > 1]
        return float(sum(w.numel() / w.shape[0] + w.numel() / w.shape[1] + 8 for w in weights))

    @property
    def dtype(self) -> torch.dtype:
        """x's dtype."""
        return self.x.dtype

    @property
    def device(self) -> str:
        """Where x lies."""
        return self.x.device.type

    @property
    def unit(self) -> float:
        """U, the unit roundoff of x's dtype."""
        return torch.finfo(self.x.dtype).eps / 2

    def snippet(self) -> str:
        """What was judged."""
        return f"{self.name} at {len(self.x)} images of shape {tuple(self.x.shape[1:])}, {self.x.dtype}"


@law("normalized-function", level="reference", fixed=network_cases, dtypes=(torch.float64,))
def network_value(normalize: Normalize, case: NetworkCase) -> float:
    """f̂ of the paper's discriminators is f/(‖∇ₓf‖ + |f|) within (n/2 + 28) roundings, f and ∇ₓf being exact."""
    f, g = case.exact.score, case.norm
    expected = f / (g + np.abs(f))
    bound = np.abs(expected) * (case.x()[0].numel() / 2 + 28) * case.unit
    return judge("f̂", normalize(case.module(), case.x(), *case.arguments())[:, 0], expected, bound, case.snippet())


@law("theorem-6-almost-everywhere", level="reference", fixed=network_cases, dtypes=(torch.float64,))
def network_input_gradient(normalize: Normalize, case: NetworkCase) -> float:
    """∂Σ l_i f̂_i/∂x = l_i (g/N²) ∇ₓf_i of the paper's discriminators, so ‖∇ₓf̂‖ = (1 - |f̂|)².

    The bound is that of `image_input_gradient`.
    """
    weights, x = cotangents(len(case.array)), case.x().requires_grad_()
    scores = normalize(case.module(), x, *case.arguments()).flatten()
    (got,) = torch.autograd.grad((scores * torch.tensor(weights, device=scores.device)).sum(), x)
    expected, bound = input_gradient_bounds(case, weights)
    slopes = torch.linalg.vector_norm(got.flatten(1), dim=1) / torch.tensor(np.abs(weights), device=got.device)
    moved = np.sqrt((bound**2).sum(axis=(1, 2, 3))) / np.abs(weights) + 4096 * case.unit
    worst = judge("‖∇ₓf̂‖", slopes, (1 - scores.detach().abs()) ** 2, moved, case.snippet())
    return max(worst, judge("∂Σ l_i f̂_i/∂x", got, expected, bound, case.snippet()))


@law("normalized-function", level="reference", fixed=network_cases, dtypes=(torch.float64,))
def network_parameter_gradient(normalize: Normalize, case: NetworkCase) -> float:
    """∂Σ l_i f̂_i/∂θ of every parameter of the paper's discriminators, none of which is 0.

    The bound is that of `image_parameter_gradient`, entry by entry, and so also in every parameter's norm.
    """
    weights, module = cotangents(len(case.array)), case.module()
    expected, bounds = gradient_bounds(case, weights)
    scores = normalize(module, case.x(), *case.arguments()).flatten()
    named = list(module.named_parameters())
    loss = (scores * torch.tensor(weights, device=scores.device)).sum()
    found = torch.autograd.grad(loss, [parameter for _, parameter in named], allow_unused=True)
    worst = 0.0
    for (name, parameter), got, true, bound in zip(named, found, expected, bounds, strict=True):
        got = torch.zeros_like(parameter) if got is None else got
        what = f"∂Σ l_i f̂_i/∂{name}, l = {weights.tolist()}"
        worst = max(worst, judge(what, got.reshape(true.shape), true, bound, case.snippet()))
    return worst


@law("output-range", level="reference", evidence="equality")
def real_bound(normalize: Normalize, case: Real) -> float:
    """|f̂| ≤ 1 with no tolerance, on a real-sized network and images."""
    scores = normalize(case.module, case.x)
    return judge("the share of |f̂| ≤ 1", (scores.abs() <= 1).double().mean(), 1.0, 0.0, case.snippet())


@law("normalized-function", level="reference", evidence="equality")
def real_negation(normalize: Normalize, case: Real) -> float:
    """f̂[-4f] = -f̂[f] bitwise, on a real-sized network and images."""
    got = normalize(lambda x: -4 * case.module(x), case.x)
    return judge("f̂[-4f]", got, -normalize(case.module, case.x), 0.0, case.snippet())


@law("eq-15-hinge-wasserstein", level="reference", evidence="equality")
def real_hinge(normalize: Normalize, case: Real) -> float:
    """The hinge and the Wasserstein loss have bitwise equal gradients on a real-sized network and images."""
    half, parameters = len(case.x) // 2, [p for p in case.module.parameters() if p.requires_grad]
    found = []
    for loss in (losses.hinge, losses.wasserstein):
        scores = normalize(case.module, case.x)
        judge("|f̂| < 1", bool((scores.abs() < 1).all()), True, 0.0, case.snippet())
        found.append(torch.autograd.grad(loss.discriminator(scores[:half], scores[half:]), parameters))
    for index, (hinge, wasserstein) in enumerate(zip(*found, strict=True)):
        judge(f"∂hinge/∂θ[{index}]", hinge, wasserstein, 0.0, case.snippet())
    return 0.0


@law("theorem-6-almost-everywhere", level="reference", dtypes=(torch.float64,))
def real_segment(normalize: Normalize, case: Real) -> float:
    """Between two images f̂ is, at both thirds of every linear piece, what the certificate's f and ‖∇f‖ make of it.

    And from third to third it changes by at most the distance. The certificate's f and g carry as many roundings as
    the implementation's own, m roundings of the majorant each, with n + 8 more of x itself, a weighted mean of the two
    images.
    """
    case = case.to(torch.float64)
    segment = _segment(case)
    ends = torch.as_tensor(np.stack([segment.p, segment.q])).reshape(2, *case.x.shape[1:])
    steps = np.diff(segment.t)
    t = np.stack([segment.t[:-1] + steps / 3, segment.t[:-1] + 2 * steps / 3], axis=1)
    share = torch.as_tensor(t.ravel()).reshape(-1, *[1] * (case.x.dim() - 1))
    x = (1 - share) * ends[0] + share * ends[1]
    f = np.stack([(2 * segment.f_start + segment.f_end) / 3, (segment.f_start + 2 * segment.f_end) / 3], axis=1)
    expected = f / (segment.norms[:, None] + np.abs(f))
    got = normalize(case.module, x).detach().double().reshape(-1, 2).cpu().numpy()
    with torch.no_grad():
        largest = float(case.majorant()(torch.maximum(ends[0].abs(), ends[1].abs())[None].to(case.x)))
    total = (segment.norms[:, None] + np.abs(f)) ** 2
    size = segment.norms[:, None] * largest + np.abs(f) * float(case.largest_norm().max())
    allowed = case.unit * (2 * case.roundings() * size / total + 2 * case.x[0].numel() + 16)
    share_of_bound = judge("f̂ at a third of a piece", got, expected, allowed, case.snippet())
    apart = np.abs(got[:, 1] - got[:, 0]) - steps * segment.length / 3
    judge(
        "the excess of |Δf̂| over ‖Δx‖", np.maximum(apart, 0), np.zeros(len(apart)), allowed.max(axis=1), case.snippet()
    )
    return share_of_bound


@law_of_f("theorem-6-global", evidence="certificate", refuted=True)
def real_segment_is_continuous(case: Real) -> float:
    """Between two images f̂ does not jump by more than 1e-9, far above the certificate's rounding."""
    segment = _segment(case)
    largest = segment.largest_jump()
    if largest is not None and float(largest.value) > 1e-9:
        raise AssertionError(
            f"{case.name}: between two images f̂ jumps at {int((segment.jumps() > 1e-9).sum())} of "
            f"{len(segment.t) - 2} kinks, by {float(largest.value):.3g} at t = {float(largest.t):.6f}"
        )
    return 0.0


def _segment(case: Real) -> Segment:
    ends = case.x[:2].double().flatten(1).cpu().numpy()
    return Segment.of(Chain.from_module(case.module), ends[0], ends[-1])
