"""Beyond plain training."""

import pytest

from gnref.laws import LAWS


@pytest.mark.parametrize("law", [law for law in LAWS if law.file == "stress"], ids=str)
def test_stress(law, device, method, judged):
    """Each at its fixed network, in each of its dtypes."""
    for case in law.examples(device):
        judged(law, case, method)
