"""Training: the paper's experiments as settings, and the loop that runs them."""
