"""The paper's networks as plain functions of named tensors, written from their layer tables and from nothing of gnref.

`w` holds the weights and buffers of one network by name. Running averages and power iterations advance in it.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

Weights = dict[str, Tensor]


def weight_of(w: Weights, layer: str, eps: float = 1e-6) -> Tensor:
    """W, or W / uᵀWv after one power iteration, v before u, where the layer is spectrally normalized."""
    if f"{layer}.weight" in w:
        return w[f"{layer}.weight"]
    place = f"{layer}.parametrizations.weight"
    weight = w[f"{place}.original"]
    matrix = weight.reshape(len(weight), -1)
    with torch.no_grad():
        v = matrix.T @ w[f"{place}.0._u"]
        v = v / v.norm().clamp(min=eps)
        u = matrix @ v
        u = u / u.norm().clamp(min=eps)
        w[f"{place}.0._u"], w[f"{place}.0._v"] = u, v
    return weight / (u @ matrix @ v)


def linear(w: Weights, layer: str, x: Tensor) -> Tensor:
    return x @ weight_of(w, layer).T + w[f"{layer}.bias"]


def conv(w: Weights, layer: str, x: Tensor, stride: int = 1) -> Tensor:
    weight = weight_of(w, layer)
    return F.conv2d(x, weight, w[f"{layer}.bias"], stride=stride, padding=weight.shape[-1] // 2 - (stride == 2))


def batch_norm(w: Weights, layer: str, x: Tensor) -> Tensor:
    mean, count = x.mean((0, 2, 3)), x.numel() // x.shape[1]
    variance = (x - mean[:, None, None]).square().mean((0, 2, 3))
    with torch.no_grad():
        w[f"{layer}.running_mean"] = 0.9 * w[f"{layer}.running_mean"] + 0.1 * mean
        w[f"{layer}.running_var"] = 0.9 * w[f"{layer}.running_var"] + 0.1 * variance * count / (count - 1)
    normal = (x - mean[:, None, None]) / (variance[:, None, None] + 1e-5).sqrt()
    if f"{layer}.weight" not in w:
        return normal
    return w[f"{layer}.weight"][:, None, None] * normal + w[f"{layer}.bias"][:, None, None]


def conditional_batch_norm(w: Weights, layer: str, x: Tensor, y: Tensor) -> Tensor:
    gain, bias = (w[f"{layer}.{name}.weight"][y][:, :, None, None] for name in ("gain", "bias"))
    return (1 + gain) * batch_norm(w, f"{layer}.norm", x) + bias


def upsample(x: Tensor) -> Tensor:
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


def pool(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 2)


def cnn_generator(w: Weights, z: Tensor) -> Tensor:
    side = 4
    h = linear(w, "linear", z).reshape(len(z), -1, side, side)
    for norm in (0, 3, 6):
        h = batch_norm(w, f"layers.{norm}", h).relu()
        up = f"layers.{norm + 2}"
        h = F.conv_transpose2d(h, w[f"{up}.weight"], w[f"{up}.bias"], stride=2, padding=1)
    return conv(w, "layers.11", batch_norm(w, "layers.9", h).relu()).tanh()


def cnn_discriminator(w: Weights, x: Tensor) -> Tensor:
    for index in range(7):
        x = F.leaky_relu(conv(w, f"layers.{2 * index}", x, stride=1 + index % 2), 0.1)
    return linear(w, "head", x.flatten(1))


def generator_block(w: Weights, block: str, h: Tensor, y: Tensor | None) -> Tensor:
    def norm(layer: str, x: Tensor) -> Tensor:
        return batch_norm(w, layer, x) if y is None else conditional_batch_norm(w, layer, x, y)

    inner = conv(w, f"{block}.conv1", upsample(norm(f"{block}.norm1", h).relu()))
    inner = conv(w, f"{block}.conv2", norm(f"{block}.norm2", inner).relu())
    return inner + conv(w, f"{block}.shortcut", upsample(h))


def residual_generator(w: Weights, z: Tensor, y: Tensor | None = None) -> Tensor:
    h = linear(w, "linear", z).reshape(len(z), -1, 4, 4)
    for index in range(3):
        h = generator_block(w, f"blocks.{index}", h, y)
    return conv(w, "output.2", batch_norm(w, "output.0", h).relu()).tanh()


def residual_features(w: Weights, x: Tensor) -> Tensor:
    """Four blocks, of which the first two halve, and a ReLU."""
    h = pool(conv(w, "blocks.0.conv2", conv(w, "blocks.0.conv1", x).relu())) + conv(w, "blocks.0.shortcut", pool(x))
    for index in (1, 2, 3):
        inner = conv(w, f"blocks.{index}.conv2", conv(w, f"blocks.{index}.conv1", h.relu()).relu())
        h = pool(inner) + pool(conv(w, f"blocks.{index}.shortcut", h)) if index == 1 else inner + h
    return h.relu()


def resnet_discriminator(w: Weights, x: Tensor) -> Tensor:
    return linear(w, "head", residual_features(w, x).mean((2, 3)))


def biggan_discriminator(w: Weights, x: Tensor, y: Tensor) -> Tensor:
    h = residual_features(w, x).sum((2, 3))
    return linear(w, "head", h) + (w["embedding.weight"][y] * h).sum(1, keepdim=True)
