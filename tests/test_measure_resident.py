"""What a fresh process has resident: more than the counter's figure, and of the replay not more than vanilla's."""

import sys
from dataclasses import replace

import pytest

from gnref.errors import UserError
from gnref.measure import Setting, count
from gnref.measure.resident import resident
from gnref.measure.steps import Steps

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="read from /proc")


def test_the_peak_is_at_least_what_is_alive_at_once() -> None:
    """An operation writes all that it makes: what the counter has alive at once is resident then, beside PyTorch."""
    setting = Setting("resnet-32", "gn-double-backward", 24)
    counted = count(Steps(replace(setting, device="meta")).discriminator_gradient).peak_bytes
    found = resident(setting, times=1)
    assert 2**27 < counted < found.peak - found.before < found.peak < 2**32


def test_a_process_that_cannot_is_told() -> None:
    with pytest.raises(UserError, match=r"the process ended with 1: .*no pooling to fuse"):
        resident(Setting("cnn-32", layout="fused"))
