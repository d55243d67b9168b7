"""Two laws of the kit itself: the call works at all, and a declared ε is no larger than declared."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from gnref.conformance.adapted import scale
from gnref.conformance.options import Capability
from gnref.exact import ExactNetwork
from gnref.laws import Case, Law, Normalize
from gnref.laws.case import judge
from gnref.laws.examples import network_cases

PLAIN = Case(ExactNetwork((), ((3.0, 4.0), 0.0)), ((3.0, 4.0), (-3.0, -4.0), (4.0, -2.0)))
"""f = 3x + 4y: f̂ is 25/(5 + 25), -5/6 and 4/9."""


def plain_call(capability: tuple[Capability, ...]) -> Law:
    """The law `plain-call`; the gradients it asks for are those that are not declared to be missing."""

    generator_only = "generator-only" in capability

    def check(normalize: Normalize, case: Case) -> float:
        """normalize(D, x) returns a tensor of D's shape and dtype, without NaN, attached to autograd's graph.

        Usual cause: The function returns another shape, a number, or scores without their graph.
        Remedy: Return a tensor of D's own shape and dtype, attached to autograd's graph.
        """
        module, x = case.module(), case.x()
        if generator_only:
            x.requires_grad_()
        scores: object = normalize(module, x)
        if not isinstance(scores, Tensor):
            raise AssertionError(f"expected a tensor of scores, got {type(scores).__name__}")
        expected, dtype = (len(x), 1), case.dtype
        if scores.shape != expected:
            raise AssertionError(f"expected scores of D's own shape {expected}, got {tuple(scores.shape)}")
        if scores.dtype != dtype:
            raise AssertionError(f"expected scores of D's own dtype {dtype}, got {scores.dtype}")
        if scores.isnan().any():
            raise AssertionError(f"expected f̂ = 5/6, -5/6 and 4/9 for f = 3x + 4y, got NaN: {scores.tolist()}")
        leaves = [x] if generator_only else list(module.parameters())
        if "values-only" not in capability and not _attached(scores, leaves):
            what = "x" if generator_only else "the discriminator's parameters"
            raise AssertionError(f"expected scores with a gradient in {what}, got a tensor detached from them")
        return 0.0

    return Law(id="plain-call", claim="normalized-function", check=check, evidence="equality", fixed=lambda: [PLAIN])


def _attached(scores: Tensor, leaves: Sequence[Tensor]) -> bool:
    if not scores.requires_grad:
        return False
    try:
        return any(g is not None for g in torch.autograd.grad(scores.sum(), leaves, allow_unused=True))
    except RuntimeError:
        return True  # a backward pass that fails is for the laws of gradients to tell


def declared_eps(eps: float) -> Law:
    """The law `declared-eps`, judged by the subject as it is, not by the adapted one."""

    def check(normalize: Normalize, case: Case) -> float:
        """|f̂| lies between |f|/(g + |f| + ε) and |f|/(g + |f|), within (n/2 + 5) roundings: ε is not above its size.

        f scaled by 2^-12 shows ε beside g + |f| where it is 1e-8, as 1 does where it is larger; ε costs one rounding.

        Usual cause: ε is larger than declared, or stands under the root.
        Remedy: Declare the ε of f / (g + |f| + ε) as it stands in the code.
        """
        factor = 2.0**-12
        f, g = factor * np.abs(case.exact.score), factor * case.norm
        lower, upper = f / (g + f + eps), f / (g + f)
        got = normalize(scale(case.module(), factor), case.x(), *case.arguments()).detach().abs()[:, 0]
        nearest = np.clip(got.double().cpu().numpy(), lower, upper)
        allowed = upper * ((case.array.shape[1] / 2 + 5) * case.unit + 4 * 2.0**-53)
        return judge(f"|f̂| of 2^-12 f with ε = {eps:g}", got, nearest, allowed, case.snippet())

    return Law(id="declared-eps", claim="normalized-function", check=check, drawn="cases", fixed=network_cases)
