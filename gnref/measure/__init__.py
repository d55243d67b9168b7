"""What a training step costs: the bodies that are measured, counts that have no noise, and times beside one another.

Benchmarks, Table 1 and `python -m gnref.measure` all use these.
"""

from gnref.measure.counting import Count, count
from gnref.measure.methods import METHODS, NETWORKS
from gnref.measure.steps import PARTS, Setting, Steps
from gnref.measure.tables import measured, pays_from, table1
from gnref.measure.timing import environment, interleaved, ratio

__all__ = [
    "Setting",
    "Steps",
    "METHODS",
    "NETWORKS",
    "PARTS",
    "Count",
    "count",
    "interleaved",
    "ratio",
    "environment",
    "measured",
    "pays_from",
    "table1",
]
