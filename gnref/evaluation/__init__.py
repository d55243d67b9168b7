"""Scores: Inception Score, FID and KID by the protocols of [GN, appendix C], and exact distances in the plane."""

from gnref.evaluation.evaluate import Evaluation, evaluate, make_scorer
from gnref.evaluation.features import FeatureSpace, feature_space
from gnref.evaluation.points import covered_modes, wasserstein_distance
from gnref.evaluation.protocol import PROTOCOLS, Protocol

__all__ = [
    "PROTOCOLS",
    "Evaluation",
    "FeatureSpace",
    "Protocol",
    "covered_modes",
    "evaluate",
    "feature_space",
    "make_scorer",
    "wasserstein_distance",
]
