"""Laws on real-sized networks and images, where numbers are rounded: equality where it is due, else running bounds.

Their rounding errors are relative to a majorant: the same network with |W| and |b| and the identity for every
activation. Its score at |x| bounds every term of f, and its input gradient, the same for all x, every term of ∇ₓf.
"""

import copy
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from gnref import losses
from gnref.certificates.chain import Chain
from gnref.certificates.segment import Segment
from gnref.laws.case import Normalize, judge
from gnref.laws.law import law, law_of_f


@dataclass(frozen=True, eq=False)
class Real:
    """A discriminator built of linear layers, convolutions, averages, sums and piecewise-linear activations; images x.

    `linear` is the same architecture with the identity for every activation; its own weights do not matter.
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


@law("output-range", level="reference", evidence="equality")
def real_bound(normalize: Normalize, case: Real) -> float:
    """|f̂| ≤ 1 with no tolerance, on a real-sized network and images."""
    scores = normalize(case.module, case.x)
    return judge("the share of |f̂| ≤ 1", (scores.abs() <= 1).double().mean(), 1.0, 0.0, case.snippet())


@law("theorem-6-almost-everywhere", level="reference")
def real_slope(normalize: Normalize, case: Real) -> float:
    """‖∇ₓf̂‖ = (1 - |f̂|)² on a real-sized network and images.

    ∇ₓf̂ = α ∇ₓf, computed by one more backward pass, whose every term carries at most m roundings: m U ‖v‖₊/N, with
    ‖v‖₊ of the majorant. α itself and g carry as many relative to v: 2 m U ‖v‖₊/N more, and (1 - |f̂|)² moves with f̂
    by 2(n/2 + 4)U, n the number of inputs.
    """
    x = case.x.clone().requires_grad_()
    scores = normalize(case.module, x)
    (slope,) = torch.autograd.grad(scores.sum(), x)
    f, g = _parts(case)
    inputs = case.x[0].numel()
    allowed = case.unit * (3 * case.roundings() * case.largest_norm() / (g + f.abs()) + inputs + 8)
    expected = (1 - scores.detach().flatten().abs()) ** 2
    return judge("‖∇ₓf̂‖", torch.linalg.vector_norm(slope.flatten(1), dim=1), expected, allowed.cpu(), case.snippet())


def _parts(case: Real) -> tuple[Tensor, Tensor]:
    """f and ‖∇ₓf‖, (N,), one sample at a time."""
    scores, norms = [], []
    for sample in case.x:
        x = sample[None].clone().requires_grad_()
        score = case.module(x).sum()
        (gradient,) = torch.autograd.grad(score, x)
        scores.append(score.detach())
        norms.append(gradient.norm())
    return torch.stack(scores), torch.stack(norms)


@law("normalized-function", level="reference")
def real_value(normalize: Normalize, case: Real) -> float:
    """f̂ of a batch is f/(g + |f|) of each sample by itself, on a real-sized network and images.

    f and v carry at most m roundings of the majorant's f₊ and ‖v‖₊ on either side: |δf̂| ≤ (g|δf| + |f||δg|)/N², each
    at most 2 m U, and n/2 + 4 more of f̂ in both.
    """
    f, g = _parts(case)
    total = g + f.abs()
    with torch.no_grad():
        largest = case.majorant()(case.x.abs()).flatten()
    relative = 2 * case.roundings() * (g * largest + f.abs() * case.largest_norm()) / total**2
    allowed = case.unit * (relative + case.x[0].numel() + 8)
    return judge("f̂", normalize(case.module, case.x).flatten(), f / total, allowed.cpu(), case.snippet())


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
    the implementation's own: as in `real_value`, with n + 8 more of x itself, a weighted mean of the two images.
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
