"""What is measured: the networks by the experiments they are from, the methods by the experiments' settings."""

from collections.abc import Mapping
from typing import Any

from gnref.call import Method
from gnref.training.experiment import Experiment
from gnref.training.experiments import EXPERIMENTS, TODAY
from gnref.training.experiments import METHODS as COMPARED

NETWORKS: Mapping[str, str] = {
    "cnn-32": "cifar10-cnn-gn",
    "cnn-48": "stl10-cnn-gn",
    "resnet-32": "cifar10-resnet-gn",
    "resnet-48": "stl10-resnet-gn",
    "resnet-128": "celebahq-128-resnet-gn",
    "biggan-32": "cifar10-biggan-gn",
}
"""Whose generator and discriminator: of these experiments all but the method is kept."""

METHODS: Mapping[str, Mapping[str, Any]] = {
    "vanilla": COMPARED["vanilla"],
    "sn": COMPARED["sn"],
    "1-gp": COMPARED["1-gp"],
    "0-gp": COMPARED["0-gp"],
    "gn-double-backward": COMPARED["gn"],
    "gn": COMPARED["gn"],
    "gn1": COMPARED["gn1"],
    "gn0": COMPARED["gn0"],
    "gn-cr": {**COMPARED["gn"], "consistency_weight": EXPERIMENTS["cifar10-resnet-gn-cr"].consistency_weight},
    "r1": TODAY["r1"],
}


def experiment_of(network: str, method: str, **settings: Any) -> Experiment:
    """The network's experiment under the method, with `settings` replaced."""
    e = EXPERIMENTS[NETWORKS[network]]
    return e.changed(**{**METHODS[method], **settings, "name": f"{network} {method}"})


def differentiated_by(method: str) -> Method:
    """What computes the gradient of GN's methods: the replay, which is never left in silence, but where named."""
    return "double-backward" if method == "gn-double-backward" else "replay"
