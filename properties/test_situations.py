"""The states of D and x in training."""

import pytest

from gnref.laws import LAWS, situations


@pytest.mark.parametrize("law", [law for law in LAWS if law.file == "situations"], ids=str)
def test_situations(law, device, method, judged):
    """Each at its fixed network, in each of its dtypes."""
    if method == "replay" and law is situations.parameter_hooks:
        pytest.skip("the replay refuses a parameter with a gradient hook, and auto takes double backward")
    for case in law.examples(device):
        judged(law, case, method)
