"""The networks: their parameter counts, one step of each, and what gradient normalization asks of a discriminator."""

from copy import deepcopy
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrize

from gnref.errors import UserError
from gnref.networks import (
    BigGANDiscriminator,
    BigGANGenerator,
    CNNDiscriminator,
    CNNGenerator,
    MLPDiscriminator,
    ResNetDiscriminator,
    ResNetGenerator,
    StyleGANDiscriminator,
    StyleGANGenerator,
    normal_init,
)
from gnref.networks.biggan import ConditionalBatchNorm2d
from gnref.networks.spectral import add_spectral_norm, use_original_order

LABELS = torch.tensor([3, 7])

COUNTS = [
    (partial(CNNGenerator, 32), 3_813_379, 1_924),
    (partial(CNNGenerator, 48), 5_134_339, 1_924),
    (partial(CNNDiscriminator, 32), 5_860_865, 0),
    (partial(CNNDiscriminator, 48), 5_871_105, 0),
    (partial(ResNetGenerator, 32), 4_276_739, 3_591),
    (partial(ResNetGenerator, 48), 4_878_083, 2_823),
    (partial(ResNetGenerator, 128), 32_150_787, 9_995),
    (partial(ResNetGenerator, 256), 37_135_107, 12_045),
    (partial(ResNetDiscriminator, 32), 1_053_825, 0),
    (partial(ResNetDiscriminator, 48), 4_859_073, 0),
    (partial(ResNetDiscriminator, 128), 38_419_137, 0),
    (partial(ResNetDiscriminator, 256), 43_401_409, 0),
    (BigGANGenerator, 4_304_387, 27_018),
    (BigGANDiscriminator, 4_207_361, 0),
    # Their buffers are eight blurs of nine taps each.
    (StyleGANGenerator, 26_219_627, 72),
    (partial(StyleGANDiscriminator, minibatch_stddev=True), 23_087_249, 72),
    # The last convolution's 513th input channel is gone.
    (StyleGANDiscriminator, 23_087_249 - 9 * 512, 72),
    (MLPDiscriminator, 2 * 512 + 512 + 512 + 1, 0),
]


@pytest.mark.parametrize(("build", "parameters", "buffers"), COUNTS)
def test_parameter_and_buffer_counts(build, parameters, buffers):
    with torch.device("meta"):
        network = build()
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert sum(buffer.numel() for buffer in network.buffers()) == buffers


@pytest.mark.parametrize(
    ("build", "size", "last_map"),
    [
        (CNNDiscriminator, 32, (512, 4, 4)),
        (CNNDiscriminator, 48, (512, 6, 6)),
        (ResNetDiscriminator, 32, (128, 8, 8)),
        (ResNetDiscriminator, 48, (512, 3, 3)),
        (ResNetDiscriminator, 128, (1024, 4, 4)),
        (ResNetDiscriminator, 256, (1024, 4, 4)),
        (BigGANDiscriminator, 32, (256, 8, 8)),
    ],
)
def test_last_feature_map(build, size, last_map):
    with torch.device("meta"):
        network = build(size)
        features = network.layers if build is CNNDiscriminator else network.blocks
        assert features(torch.empty(1, 3, size, size)).shape[1:] == last_map


PAIRS = [
    (partial(CNNGenerator, 32), partial(CNNDiscriminator, 32), 32),
    (partial(CNNGenerator, 48), partial(CNNDiscriminator, 48), 48),
    (partial(ResNetGenerator, 32), partial(ResNetDiscriminator, 32), 32),
    (partial(ResNetGenerator, 48), partial(ResNetDiscriminator, 48), 48),
    (partial(ResNetGenerator, 128), partial(ResNetDiscriminator, 128), 128),
    (partial(ResNetGenerator, 256), partial(ResNetDiscriminator, 256), 256),
    (BigGANGenerator, BigGANDiscriminator, 32),
]


@pytest.mark.parametrize("spectral_norm", [False, True])
@pytest.mark.parametrize(("generator", "discriminator", "size"), PAIRS)
def test_one_step(generator, discriminator, size, spectral_norm):
    """Images have their shape and lie in [-1, 1]; double backward through D and G reaches every parameter."""
    torch.manual_seed(0)
    g = generator(latent=8, width=2)
    d = discriminator(width=2, spectral_norm=spectral_norm)
    condition = (LABELS,) if isinstance(d, BigGANDiscriminator) else ()
    images = g(torch.randn(2, g.latent), *condition)
    assert images.shape == (2, 3, size, size)
    assert images.abs().max() <= 1
    scores = d(images, *condition)
    assert scores.shape == (2, 1)
    (gradient,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    (scores.sum() + gradient.square().sum()).backward()
    for name, parameter in [*g.named_parameters(), *d.named_parameters()]:
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    assert all(parameter.grad.any() for name, parameter in d.named_parameters() if name.endswith("weight"))


@pytest.mark.parametrize(
    ("build", "size"), [(CNNDiscriminator, 32), (ResNetDiscriminator, 32), (BigGANDiscriminator, 32)]
)
def test_a_score_depends_on_its_own_sample_only(build, size):
    """∂f(x)₀/∂x₁ is exactly 0: a sample's score can be normalized by its own gradient."""
    torch.manual_seed(0)
    d = build(size, width=2)
    condition = (LABELS,) if build is BigGANDiscriminator else ()
    x = torch.randn(2, 3, size, size, requires_grad=True)
    (gradient,) = torch.autograd.grad(d(x, *condition)[0].sum(), x)
    assert gradient[0].any()
    assert not gradient[1].any()


@pytest.mark.parametrize("build", [CNNDiscriminator, ResNetDiscriminator, BigGANDiscriminator, MLPDiscriminator])
def test_spectral_norm_reaches_every_weight_and_advances_once(build):
    """Every weight is W / σ(W) and one forward pass in training mode is one power iteration, u ← W v / ‖W v‖.

    Bound for u: its computation differs from this one's in the order of sums of at most n = 3·3·16 products in
    float64, each relative to Σ|Wv| ≤ √n ‖W‖ ‖v‖ ≤ n ‖Wv‖ where ‖Wv‖ ≥ ‖W‖/√n, so 4 n² 2⁻⁵³ covers both
    normalizations.
    """
    torch.manual_seed(0)
    network = build(width=2, spectral_norm=True).double()
    weighted = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear | nn.Embedding)]
    assert weighted
    assert all(parametrize.is_parametrized(module, "weight") for module in weighted)
    expected = []
    for module in weighted:
        matrix = module.parametrizations.weight.original.detach().flatten(1)
        u = F.normalize(matrix @ module.parametrizations.weight[0]._v, dim=0)
        expected.append(u)
    shape = (2, 2) if build is MLPDiscriminator else (2, 3, 32, 32)
    network(torch.randn(shape, dtype=torch.float64), *((LABELS,) if build is BigGANDiscriminator else ()))
    for module, u in zip(weighted, expected, strict=True):
        n = module.parametrizations.weight.original[0].numel()
        assert (module.parametrizations.weight[0]._u - u).abs().max() <= 4 * max(n, 4) ** 2 * 2**-53


@pytest.mark.parametrize("layer", [nn.Conv2d(3, 4, 3), nn.Linear(5, 4), nn.Embedding(6, 3)], ids=repr)
def test_the_original_order_is_that_of_pytorchs_older_spectral_norm(layer):
    """The same weight, u and v to the bit after each of three passes, in training mode and then in evaluation mode."""
    older = nn.utils.spectral_norm(deepcopy(layer), eps=1e-6)
    mine = deepcopy(layer)
    add_spectral_norm(mine, type(layer), eps=1e-6)
    warm = mine.parametrizations.weight[0]._u.clone()
    use_original_order(mine)
    iteration = mine.parametrizations.weight[0]
    assert not torch.equal(iteration._u, warm)
    iteration._u.copy_(older.weight_u)
    iteration._v.copy_(older.weight_v)
    x = {nn.Conv2d: torch.randn(2, 3, 5, 5), nn.Linear: torch.randn(2, 5)}.get(type(layer), torch.tensor([1, 4]))
    for training in (True, True, True, False):
        results = [each.train(training)(x) for each in (older, mine)]
        assert torch.equal(*results)
        assert torch.equal(iteration._u, older.weight_u)
        assert torch.equal(iteration._v, older.weight_v)
    gradients = [
        torch.autograd.grad(each(x).square().sum(), weight)[0]
        for each, weight in ((older, older.weight_orig), (mine, mine.parametrizations.weight.original))
    ]
    assert torch.equal(*gradients)


def test_spectral_norm_keeps_parameters():
    plain, normalized = ResNetDiscriminator(width=2), ResNetDiscriminator(width=2, spectral_norm=True)
    assert sum(p.numel() for p in plain.parameters()) == sum(p.numel() for p in normalized.parameters())


def test_biggan_generator_normalizes_layers_but_not_classes():
    g = BigGANGenerator(width=2)
    for module in g.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            assert parametrize.is_parametrized(module, "weight")
            assert module.parametrizations.weight[0].eps == 1e-6
        if isinstance(module, nn.Embedding):
            assert not parametrize.is_parametrized(module)


def weights_and_fans(network):
    """Every weight with its number of inputs and outputs per unit, counted from the layer's own description."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            area = module.kernel_size[0] * module.kernel_size[1]
            yield module.weight, module.in_channels * area, module.out_channels * area
        elif isinstance(module, nn.Linear):
            yield module.weight, module.in_features, module.out_features
        elif isinstance(module, nn.Embedding):
            yield module.weight, module.embedding_dim, module.num_embeddings


def biases(network):
    return [m.bias for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d | nn.Linear)]


@pytest.mark.parametrize("build", [CNNDiscriminator, ResNetGenerator, ResNetDiscriminator])
def test_weights_start_kaiming_normal_and_biases_zero(build):
    """Var w = 2 / fan_in; the mean square of n normals, relative to it, is within 6 of its deviations √(2/n) of 1."""
    torch.manual_seed(0)
    network = build(width=16)
    for weight, fan_in, _ in weights_and_fans(network):
        ratio = weight.square().mean() * fan_in / 2
        assert abs(ratio - 1) <= 6 * (2 / weight.numel()) ** 0.5
    assert not any(bias.any() for bias in biases(network))


@pytest.mark.parametrize("build", [BigGANGenerator, BigGANDiscriminator])
def test_biggan_weights_start_xavier_uniform_and_biases_zero(build):
    """|w| ≤ √(6 / (fan_in + fan_out)), and one of n uniform values comes within 40/n of that bound but for e⁻⁴⁰."""
    torch.manual_seed(0)
    network = build(width=16)
    for module in network.modules():
        if parametrize.is_parametrized(module):
            parametrize.remove_parametrizations(module, "weight", leave_parametrized=False)
    for weight, fan_in, fan_out in weights_and_fans(network):
        bound = (6 / (fan_in + fan_out)) ** 0.5
        assert bound * (1 - 40 / weight.numel()) <= weight.abs().max() <= bound
    assert not any(bias.any() for bias in biases(network))


@pytest.mark.parametrize("build", [CNNGenerator, CNNDiscriminator])
def test_the_narrow_normal_start(build):
    """All weights ~ N(0, 0.02²), transposed convolutions too; the same bound as for Kaiming's."""
    torch.manual_seed(0)
    network = build(width=8, init=normal_init)
    weights = [m.weight for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d | nn.Linear)]
    for weight in weights:
        ratio = weight.square().mean() / 0.02**2
        assert abs(ratio - 1) <= 6 * (2 / weight.numel()) ** 0.5
    assert not any(bias.any() for bias in biases(network))


@pytest.mark.parametrize(
    ("build", "default", "count"),
    [
        (CNNDiscriminator, nn.LeakyReLU(0.1), 7),
        (ResNetDiscriminator, nn.ReLU(), 8),
        (BigGANDiscriminator, nn.ReLU(), 8),
        (MLPDiscriminator, nn.ReLU(), 1),
        (partial(StyleGANDiscriminator, 32), nn.LeakyReLU(0.2), 4 + 3 * 2 + 2),
    ],
)
def test_activation_is_the_papers_unless_another_is_given(build, default, count):
    softplus = partial(nn.Softplus, beta=20)
    assert [repr(m) for m in build(width=1).modules() if isinstance(m, type(default))] == [repr(default)] * count
    assert sum(isinstance(m, nn.Softplus) for m in build(width=1, activation=softplus).modules()) == count
    assert not any(isinstance(m, type(default)) for m in build(width=1, activation=softplus).modules())


@pytest.mark.parametrize("build", [ResNetDiscriminator, BigGANDiscriminator])
def test_an_activation_in_place_is_refused_where_the_shortcut_reads_its_input(build):
    with pytest.raises(ValueError, match=r"got ReLU\(inplace=True\); pass inplace=False"):
        build(width=1, activation=partial(nn.ReLU, inplace=True))


@pytest.mark.parametrize(
    "build",
    [CNNGenerator, CNNDiscriminator, ResNetGenerator, ResNetDiscriminator, BigGANGenerator, BigGANDiscriminator],
)
def test_a_size_without_a_layer_table_is_refused(build):
    with pytest.raises(UserError, match=f"{build.__name__}: expected size to be one of 32.*, got 64; resize"):
        build(64)


def test_conditional_batch_norm():
    """(1 + γ_y) x̂ + β_y, exact on small integers: x̂ = (x − 1) / 2 where the mean is 1, the variance 4 and eps 0."""
    norm = ConditionalBatchNorm2d(2, 3).eval()
    norm.norm.eps = 1e-30  # nothing beside 1; torch 2.11 takes no 0
    norm.norm.running_mean.fill_(1)
    norm.norm.running_var.fill_(4)
    norm.gain.weight.data = torch.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    norm.bias.weight.data = torch.tensor([[6.0, 7.0], [8.0, 9.0], [10.0, 11.0]])
    x = torch.arange(16.0).view(2, 2, 2, 2)
    y = norm(x, torch.tensor([2, 0]))
    assert torch.equal(y[0, 1], 6 * (x[0, 1] - 1) / 2 + 11)
    assert torch.equal(y[1, 0], 1 * (x[1, 0] - 1) / 2 + 6)


def test_biggan_score_is_linear_head_plus_projection():
    """D_y(x) = wᵀh + b + ⟨e_y, h⟩: with integer weights and h = (h₁, ..., h₄) read off a unit embedding, exactly."""
    torch.manual_seed(0)
    d = BigGANDiscriminator(width=1, classes=5).double()
    for parameter in d.parameters():
        parameter.data = torch.randint(-1, 2, parameter.shape).double()
    # Classes 0 to 3 read one channel's sum each, on top of the head; class 4 reads none.
    d.embedding.weight.data = torch.cat([torch.eye(4), torch.zeros(1, 4)]).double()
    x = torch.randint(-2, 3, (1, 3, 32, 32)).double()
    with torch.no_grad():
        maps = d.blocks(x).relu()
        scores = d(x.expand(5, -1, -1, -1), torch.arange(5)).flatten()
    h = maps.sum((2, 3))[0]
    assert h.any()
    assert torch.equal(scores[:4] - scores[4], h)
    assert torch.equal(scores[4], d.head.weight[0].detach() @ h + d.head.bias.detach()[0])


def test_mlp_is_its_formula():
    """w₂ᵀ relu(W₁x + b₁) + b₂ on integers, exactly."""
    torch.manual_seed(0)
    d = MLPDiscriminator(width=8)
    for parameter in d.parameters():
        parameter.data = torch.randint(-3, 4, parameter.shape).float()
    x = torch.randint(-5, 6, (6, 2)).float()
    hidden = (x[:, None, :] * d.hidden.weight).sum(2) + d.hidden.bias
    assert torch.equal(d(x)[:, 0], (hidden.clamp(min=0) * d.head.weight[0]).sum(1) + d.head.bias)
