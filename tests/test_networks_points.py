"""Perceptrons of points: replicas do not meet, and each is trained as it would be alone."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

import gnref
from gnref.networks import PointDiscriminator, PointGenerator
from gnref.networks.points import ReplicatedSpectralNorm

R, N = 3, 8


def _alone(network: nn.Module, spectral: bool, replica: int) -> nn.Module:
    """A network of one replica with that replica's weights and vectors, in float64."""
    made = PointDiscriminator(5, 1, spectral_norm=spectral).double()
    made.load_state_dict({name: value[replica : replica + 1] for name, value in network.state_dict().items()})
    return made


@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("spectral", [False, True])
def test_a_replica_is_trained_as_it_would_be_alone(normalized: bool, spectral: bool) -> None:
    """Twenty updates of Adam on the sum of the replicas' losses against each on its own, in float64.

    The operations differ in the order of at most a few hundred additions, each rounded to 1.2e-16, and twenty updates
    carry that on: 1e-9 leaves four powers of ten, and a weight, a sample or a statistic that is shared moves it by far
    more.
    """
    torch.manual_seed(0)
    joined = PointDiscriminator(5, R, spectral_norm=spectral).double()
    single = [_alone(joined, spectral, r) for r in range(R)]
    x = torch.randn(20, N * R, 2, dtype=torch.float64)
    for network, batches, copies in ((joined, x, R), *((s, x[:, r::R], 1) for r, s in enumerate(single))):
        score = gnref.GradientNormalized(network) if normalized else network
        optimizer = torch.optim.Adam(network.parameters(), 1e-2, betas=(0.0, 0.9))
        for batch in batches:
            optimizer.zero_grad()
            (copies * gnref.hinge.discriminator(*score(batch).chunk(2))).backward()
            optimizer.step()
    for r, network in enumerate(single):
        of_joined = _alone(joined, spectral, r).parameters()
        for ours, theirs in zip(of_joined, network.parameters(), strict=True):
            assert (ours - theirs).abs().max() < 1e-9


def test_a_sample_passes_the_replica_whose_turn_it_is() -> None:
    torch.manual_seed(0)
    generator = PointGenerator(4, 6, R)
    z = torch.randn(N * R, 4)
    before = generator(z)
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter[1] += 1
    changed = (generator(z) != before).any(1)
    assert changed.tolist() == [i % R == 1 for i in range(N * R)]
    assert generator(z[: 2 * R]).equal(generator(z)[: 2 * R])


def test_spectral_norm_is_torch_s() -> None:
    """From the same matrix and vectors three forward passes in training mode give the same W / σ to a few roundings."""
    torch.manual_seed(0)
    weight = torch.randn(2, 4, 3, dtype=torch.float64)
    ours = ReplicatedSpectralNorm(weight)
    for r in range(2):
        layer = parametrizations.spectral_norm(nn.Linear(4, 3, bias=False).double())
        layer.parametrizations.weight.original.data = weight[r].T.clone()
        theirs = layer.parametrizations.weight[0]
        theirs._u, theirs._v = ours.u[r].clone(), ours.v[r].clone()
        joined = ReplicatedSpectralNorm(weight[r : r + 1])
        joined.u, joined.v = ours.u[r : r + 1].clone(), ours.v[r : r + 1].clone()
        for _ in range(3):
            assert (joined(weight[r : r + 1])[0].T - layer.weight).abs().max() < 1e-14
    largest = torch.linalg.matrix_norm(weight, 2)
    for _ in range(200):
        found = ours(weight)
    assert (torch.linalg.matrix_norm(found, 2) - 1).abs().max() < 1e-12
    assert (weight / found)[:, 0, 0].allclose(largest, rtol=1e-12)
