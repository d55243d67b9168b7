"""Which discriminators of appendix D are piecewise linear and treat samples one by one."""

import pytest

from gnref.laws import architectures


@pytest.mark.parametrize("law", [architectures.plain_networks_are_piecewise_linear], ids=str)
@pytest.mark.parametrize("case", [*architectures.plain_networks()], ids=lambda case: case.name)
def test_piecewise_linear(law, case, judged):
    """CNN, ResNet, BigGAN, StyleGAN without statistics of a batch."""
    judged(law, case)


@pytest.mark.parametrize("law", [architectures.minibatch_statistics_leave_samples_alone], ids=str)
@pytest.mark.parametrize("case", [architectures.MINIBATCH], ids=lambda case: case.name)
def test_minibatch_statistics(law, case, judged):
    """The law must fail for StyleGAN as it was published."""
    with pytest.raises(AssertionError, match="with other mates it changes by"):
        judged(law, case)
