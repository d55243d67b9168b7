"""Several calls, and unusual ones."""

import pytest

from gnref.laws import LAWS


@pytest.mark.parametrize("law", [law for law in LAWS if law.file == "calls"], ids=str)
def test_calls(law, device, method, judged):
    """Each at its fixed network, in each of its dtypes."""
    for case in law.examples(device):
        judged(law, case, method)
