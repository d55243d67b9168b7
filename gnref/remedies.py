"""What to do about whatever gradient normalization refuses or `gnref verify` finds: each remedy stands here once."""

import re

from torch import nn

ADMIT = "pass coupled=True to normalize by the gradient of the batch's summed score all the same"
COUPLED = f"remove what mixes the samples of the batch in its forward pass, or {ADMIT}"
DENSE_MAP = 'a dense map has no single gradient norm: pass reduce="mean" to normalize its mean'
DOUBLE_BACKWARD = 'use method="auto" or "double-backward"'
EXPORT = "export the discriminator itself, and normalize what you load"
FLOAT = "normalize the discriminator before it is quantized"
FORWARD_MODE = "use torch.autograd.functional.jvp, which takes two backward passes"
NOT_FINITE = "look for NaN or inf in its weights and in x"
ON_X = "check detach() and no_grad() in its forward pass"
ONE_OF_SEVERAL = "where it returns more than scores, pass output= with the score's index or key"
ONCE_DIFFERENTIABLE = {
    "CompiledFunction": "compile what surrounds it, such as gnref.GradientNormalized(D): D itself is then run as it is",
    "ScaledDotProduct": "call it within torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH)",
    "Hardsigmoid": "write hardsigmoid(h) as relu6(h + 3) / 6",
    "CudnnRnn": "call it within torch.backends.cudnn.flags(enabled=False)",
    "MkldnnRnn": "call it within torch.backends.mkldnn.flags(enabled=False)",
    "RegisterPostBackward": "give fully_shard the normalized discriminator alone, neither D nor its parts",
}
"""By the beginning of the operation's name in the graph."""
REENTRANT = "pass use_reentrant=False to torch.utils.checkpoint.checkpoint"
REMOVE = "call gnref.remove_gradient_normalization(D) first"
SIGMOID = "take the sigmoid away, as gnref.prepare(D) does in a copy where it is a module: the losses take f̂ as it is"
TRANSFORM = (
    "use torch.autograd.grad of torch.func.functional_call's result for torch.func.grad, and pass the batch at once "
    "for vmap: each sample is normalized by itself"
)
WRAP = "wrap it: gnref.GradientNormalized(D)"
WRAPPED = "normalize the discriminator itself, once"

_SMOOTH = (
    nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish, nn.Softplus, nn.Tanh, nn.Softsign, nn.Hardswish,
    nn.Hardsigmoid, nn.LogSigmoid, nn.Tanhshrink,
)  # fmt: skip
_NORMS = (nn.LayerNorm, nn.GroupNorm, nn.LocalResponseNorm, nn.RMSNorm, nn.modules.instancenorm._InstanceNorm)


def remedy(module: nn.Module, couples: bool, lies: bool) -> str:
    """One sentence, to be followed as it stands, for a module that breaks a premise."""
    kind = type(module).__name__
    if isinstance(module, nn.modules.batchnorm._BatchNorm):
        return "replace it by nn.Identity(), as gnref.prepare(D) does in a copy: gradient normalization takes its place"
    if isinstance(module, _NORMS):
        return "replace it by nn.Identity(): it divides by a statistic of its own input"
    if isinstance(module, nn.Sigmoid | nn.Softmax | nn.LogSoftmax):
        return "replace it by nn.Identity() at the output, as gnref.prepare(D) does, by nn.LeakyReLU(0.2) inside"
    if isinstance(module, _SMOOTH):
        return "replace it by nn.LeakyReLU(0.2) or nn.ReLU()"
    if couples and re.search(r"mini_?batch|std", kind, re.IGNORECASE):
        return "use gnref.prepare(D), a copy in which its channel is constant, or remove it from the discriminator"
    if isinstance(module, nn.MultiheadAttention) or re.search(
        r"attention|attn|nonlocal|non_local", kind, re.IGNORECASE
    ):
        return "replace it by nn.Identity(), or keep its gate fixed at 0: the softmax is not piecewise linear"
    if couples:
        return COUPLED
    if lies:
        return (
            "take out the detach(), the step or the estimator: the gradient PyTorch computes is not that of its values"
        )
    return "make its forward piecewise linear in x: no smooth activation, no division by a statistic, no product of two"
