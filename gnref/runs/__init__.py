"""Run folders: what a training run leaves on disk, and the generator in it."""

from gnref.runs.folder import Run, State
from gnref.runs.generator import build_generator, load_generator, load_state, load_weights

__all__ = ["Run", "State", "build_generator", "load_generator", "load_state", "load_weights"]
