"""Real-sized discriminators on images: 2 layers of 512 and the paper's CNN and ResNet for 32 x 32, at reduced width.

The widths here (16 channels where the paper has 64 and 128) keep the suite at minutes on two cores; depth, kernels and
input size are the paper's. Untrained, and after 20 GN steps on images: the embedded shapes, or the JPEG or PNG files
of the folder that GNREF_CIFAR_JPEG names.
"""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from gnref import gradient_normalize, losses
from gnref.data.shapes import shapes
from gnref.laws import networks
from gnref.laws.network_case import network_cases
from gnref.networks import CNNDiscriminator, MLPDiscriminator, ResNetDiscriminator

IMAGES = 8
FOLDER = os.environ.get("GNREF_CIFAR_JPEG")


def mlp(activation):
    """3072-512-1 with ReLU."""
    return nn.Sequential(nn.Flatten(), MLPDiscriminator(width=512, dimension=3 * 32 * 32, activation=activation))


def cnn(activation):
    """Standard CNN 32 with 16 channels at its start."""
    return CNNDiscriminator(size=32, width=16, activation=activation)


def resnet(activation):
    """ResNet 32 with 16 channels."""
    return ResNetDiscriminator(size=32, width=16, activation=activation)


ACTIVATIONS = {mlp: nn.ReLU, cnn: lambda: nn.LeakyReLU(0.1), resnet: nn.ReLU}


def shape_images(count):
    """The embedded images."""
    return shapes(count, size=32, seed=0)[0]


def folder_images(count):
    """Images of 32 x 32 from a folder."""
    from PIL import Image

    files = sorted(p for p in Path(FOLDER).rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))[:count]
    arrays = [np.asarray(Image.open(p).convert("RGB").resize((32, 32))) for p in files]
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((shape_images, "shapes"), id="shapes"),
        pytest.param(
            (folder_images, "images of a folder"),
            marks=pytest.mark.skipif(FOLDER is None, reason="GNREF_CIFAR_JPEG names no folder of images"),
            id="folder",
        ),
    ],
)
def images(request):
    """What they are, and 64 images in [-1, 1]; the last half stands for a generator's, with its pixels shuffled."""
    load, source = request.param
    found = load(64).float() / 127.5 - 1
    order = torch.randperm(32 * 32, generator=torch.Generator().manual_seed(1))
    found[32:] = found[32:].flatten(2)[:, :, order].unflatten(2, (32, 32))
    return source, found


@pytest.fixture(scope="module", params=[mlp, cnn, resnet], ids=lambda build: build.__name__)
def build(request):
    """Which network."""
    return request.param


@pytest.fixture(scope="module", params=[0, 20], ids=["untrained", "20-steps"])
def case(request, build, images):
    """The network, untrained or after 20 GN steps of Adam with the hinge loss, at a few of the images."""
    source, images = images
    torch.manual_seed(0)
    module, linear = build(ACTIVATIONS[build]), build(nn.Identity)
    adam = torch.optim.Adam(module.parameters(), lr=4e-4, betas=(0.0, 0.9))
    for step in range(request.param):
        own = slice(4 * (step % 8), 4 * (step % 8) + 4)
        scores = gradient_normalize(module, torch.cat([images[:32][own], images[32:][own]]))
        adam.zero_grad()
        losses.hinge.discriminator(scores[:4], scores[4:]).backward()
        adam.step()
    x = torch.cat([images[: IMAGES // 2], images[32 : 32 + IMAGES // 2]])
    name = f"{build.__doc__.removesuffix('.')}, after {request.param} GN steps, on {source}"
    return networks.Real(name, module, linear, x)


@pytest.mark.parametrize("exact", list(network_cases()), ids=lambda case: case.name)
@pytest.mark.parametrize(
    "law",
    [networks.network_value, networks.network_input_gradient, networks.network_parameter_gradient],
    ids=str,
)
def test_with_exact_numbers(law, exact, device, method, judged):
    """Value, input gradient and every parameter's gradient, in float64, at the paper's depth."""
    judged(law, exact.to(torch.float64, device), method)


@pytest.mark.parametrize("law", [networks.real_bound], ids=str)
def test_output_range(law, case, device, judged):
    """|f̂| ≤ 1 with no tolerance, in float32."""
    judged(law, case.to(torch.float32, device))


@pytest.mark.parametrize("law", [networks.real_negation], ids=str)
def test_negation(law, case, device, judged):
    """-4f, bitwise in float32."""
    judged(law, case.to(torch.float32, device))


@pytest.mark.parametrize("law", [networks.real_hinge], ids=str)
def test_hinge_is_wasserstein(law, case, device, method, judged):
    """Bitwise equal gradients, in float32."""
    judged(law, case.to(torch.float32, device), method)


@pytest.mark.parametrize("law", [networks.real_segment], ids=str)
@pytest.mark.parametrize("build", [mlp], indirect=True)
def test_slope_on_a_segment(law, case, judged):
    """Every linear piece between two images: a certificate."""
    judged(law, case)


@pytest.mark.parametrize("law", [networks.real_segment_is_continuous], ids=str)
@pytest.mark.parametrize("build", [mlp], indirect=True)
def test_segment_is_continuous(law, case, judged):
    """f̂ jumps on the way from one image to another: the law must fail."""
    with pytest.raises(AssertionError, match="jumps at"):
        judged(law, case)
