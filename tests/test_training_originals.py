"""`Trainer.step` is the original's step: its formulas, written anew in float64, give the same weights."""

import pytest
from subjects.original_step import CASES, differences, reduced


@pytest.mark.parametrize("name", CASES)
def test_training_is_the_original_formulas(name: str) -> None:
    """G, D and the average agree to 1e-9 after 20 steps, 8 of BigGAN.

    Both compute the same numbers in other orders: they begin 2⁻⁵³ apart, and each step multiplies what they are apart
    by the norm of its derivative. 1e-9 leaves a factor of 2 for each of 20 steps; a different formula, such as an
    average that starts one update later or a learning rate off by one step, is 1e-5 apart at the first step.
    """
    assert max(differences(reduced(name), CASES[name]).values()) <= 1e-9


@pytest.mark.parametrize(
    ("change", "apart"), [({"power_iteration": "pytorch"}, 1e-4), ({"ema_start": 4}, 1e-5)], ids=str
)
def test_another_formula_is_seen(change: dict[str, object], apart: float) -> None:
    """The other order of power iteration, and an average that starts one update later than the formulas' third."""
    e = reduced("cifar10-biggan-gn")
    assert max(differences(e, 4, ours=e.changed(**change)).values()) > apart
