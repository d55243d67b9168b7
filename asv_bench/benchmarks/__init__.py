"""Benchmarks of the training step and of what surrounds it. Run by asv: see asv_bench/asv.conf.json."""
