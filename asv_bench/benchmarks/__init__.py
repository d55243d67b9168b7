"""Benchmarks of the training step and of what surrounds it. Run by asv: see asv_bench/asv.conf.json.

Every file runs against the package of any commit: what that commit lacks makes `setup` raise NotImplementedError, which
asv shows as n/a.
"""

# Written out, not read from `gnref.measure.METHODS`, which a test compares with it: asv numbers a benchmark's
# parameters, and the numbers have to mean the same at a commit that knows fewer methods.
METHODS = ["vanilla", "sn", "1-gp", "0-gp", "gn-double-backward", "gn", "gn1", "gn0", "gn-cr", "r1"]
