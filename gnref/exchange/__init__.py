"""Weights in and out: runs of the original code read and written, runs exported as safetensors with a model card."""
