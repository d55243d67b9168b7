"""What can be found out about anyone's own discriminator: `diagnose`, and `gnref verify` around it."""

from gnref.diagnosis.diagnose import Diagnosis, diagnose

__all__ = ["Diagnosis", "diagnose"]
