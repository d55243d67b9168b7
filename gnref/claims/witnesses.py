"""The small networks that the worked examples work through."""

from gnref.exact import ExactConditional, ExactNetwork


def relu_unit(slope: int, bias: int, outside: int, negative: float = 0.0) -> ExactNetwork:
    """φ(slope·x + bias) + outside, with one input."""
    return ExactNetwork(((((float(slope),), float(bias)),),), ((1.0,), float(outside)), negative)


JUMP = relu_unit(1, 0, 1)
"""relu(x) + 1: f̂ is 1 for x ≤ 0 and 1/2 just to the right."""
CLIFF = ExactNetwork(((((10.0,), 1.0), ((10.0,), -1.0)),), ((-1.0, 1.0), 1.0))
"""1 - relu(10x + 1) + relu(10x - 1): f̂ is +1 for x ≤ -1/10 and -1 for x ≥ 1/10."""
LEAKY = ExactNetwork(((((6.0, 8.0), 0.0),),), ((1.0,), 5.0), 0.5)
"""leaky_½(6x + 8y) + 5: ‖∇f‖ is 10 or 5, f̂ jumps from 1/2 to 1/3."""
EQUAL_NORMS = ExactNetwork(((((1.0, 1.0), 0.0), ((1.0, -1.0), 1.0)),), ((1.0, 2.0), -2.0), -1.0)
"""|x + y| + 2|x - y + 1| - 2: rows orthogonal and equally long, so ‖∇f‖² = 10 everywhere."""
AFFINE = ExactNetwork((), ((3.0, 4.0), -5.0))
"""3x + 4y - 5."""
IDENTITY = ExactNetwork((), ((1.0,), 0.0))
"""x."""
REFLECTION = ExactNetwork((), ((-1.0,), 0.0))
"""-x, for which Eq. 4 equates -1 and 1."""
RESIDUAL = ExactNetwork(((((1.0,), 0.0), ((-1.0,), 0.0)),), ((2.0, -1.0), 0.0))
"""x + relu(x), as 2 relu(x) - relu(-x)."""
SHIFT = ExactNetwork((), ((1.0,), 3.0))
"""x + 3."""
TWO_LABELS = ExactConditional(ExactNetwork(((((3.0, 4.0), 0.0),),), ((1.0,), 0.0)), ((0.0,), (1.0,)))
"""h = relu(3x + 4y); D_0 = h, D_1 = 2h."""
STEEP_THEN_FLAT = ExactNetwork(((((1.0,), 0.0), ((-1.0,), 0.0)),), ((1.0, -2.0), 0.1015625))
"""relu(x) - 2 relu(-x) + 13/128: slope 2 left of 0 and 1 right of it, where 2e^(-3x) comes to 1 with f almost 1/3."""
AT_A_KINK = ExactNetwork(((((1.0,), 0.0), ((-1.0,), 0.0)),), ((1.0, -1.0), 1.0))
"""relu(x) - relu(-x) + 1, which is x + 1: at 0, where both units are off, autograd finds ∇f = 0 and f̂ = 1 for 1/2."""
TANH_BOUND = ExactNetwork(((((4.0,), 0.0),),), ((1.0,), 2.0), 0.25)
"""leaky_¼(4x) + 2: ‖∇f‖ is 1 or 4, and f is 2 = √(1 · 4) at the kink, where f̂ jumps as far as it can."""
HALF = ExactNetwork((), ((0.5,), 0.0))
"""x/2."""
