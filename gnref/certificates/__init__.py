"""Exact statements about a piecewise-linear network: along a segment and over a plane, and their checker."""

from gnref.certificates.chain import Chain
from gnref.certificates.checker import Refuted
from gnref.certificates.plane import Plane, PlaneWitness
from gnref.certificates.segment import Segment, Witness
from gnref.certificates.walk import Walk

__all__ = ["Chain", "Plane", "PlaneWitness", "Refuted", "Segment", "Walk", "Witness"]
