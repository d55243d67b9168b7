"""What to do about a module that breaks a premise, by what is known of its class."""

import re

from torch import nn

_SMOOTH = (
    nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish, nn.Softplus, nn.Tanh, nn.Softsign, nn.Hardswish,
    nn.Hardsigmoid, nn.LogSigmoid, nn.Tanhshrink,
)  # fmt: skip
_NORMS = (nn.LayerNorm, nn.GroupNorm, nn.LocalResponseNorm, nn.RMSNorm, nn.modules.instancenorm._InstanceNorm)


def remedy(module: nn.Module, couples: bool, lies: bool) -> str:
    """One sentence, to be followed as it stands, for a module that breaks a premise."""
    kind = type(module).__name__
    if isinstance(module, nn.modules.batchnorm._BatchNorm):
        return "replace it by nn.Identity(): gradient normalization takes its place"
    if isinstance(module, _NORMS):
        return "replace it by nn.Identity(): it divides by a statistic of its own input"
    if isinstance(module, nn.Sigmoid | nn.Softmax | nn.LogSoftmax):
        return "replace it by nn.Identity() at the output, by nn.LeakyReLU(0.2) inside; the losses take f̂ as it is"
    if isinstance(module, _SMOOTH):
        return "replace it by nn.LeakyReLU(0.2) or nn.ReLU()"
    if couples and re.search(r"mini_?batch|std", kind, re.IGNORECASE):
        return (
            "remove it, and let the next layer take fewer channels: a sample's score must not depend on its batch mates"
        )
    if isinstance(module, nn.MultiheadAttention) or re.search(
        r"attention|attn|nonlocal|non_local", kind, re.IGNORECASE
    ):
        return "replace it by nn.Identity(), or keep its gate fixed at 0: the softmax is not piecewise linear"
    if couples:
        return "remove what mixes the samples of the batch in its forward"
    if lies:
        return (
            "take out the detach(), the step or the estimator: the gradient PyTorch computes is not that of its values"
        )
    return "make its forward piecewise linear in x: no smooth activation, no division by a statistic, no product of two"
