"""Gradient normalization for GANs: f̂(x) = f(x) / (‖∇ₓf(x)‖ + |f(x)|)."""

__version__ = "0.1.0"
