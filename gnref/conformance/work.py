"""What the child process of `gnref conform` does: it judges, and tells each finding as soon as there is one."""

import platform
import time
from collections.abc import Callable
from dataclasses import asdict
from importlib.util import find_spec
from typing import Any

from gnref.conformance.options import Options
from gnref.errors import UserError
from gnref.supervisor import imported

CALLABLE = "a callable normalize(discriminator, x, *args, **kwargs), as my.module:normalize"
START = 300.0
"""Seconds within which PyTorch has to be imported."""


def judge(
    tell: Callable[..., None], subject: str, generator: str | None, options: Options, done: tuple[str, ...]
) -> dict[str, str]:
    """Judge every check that is not `done`; the versions of what was used.

    The subject's module is imported first: a name that names nothing needs no laws.
    """
    if find_spec("hypothesis") is None:
        raise UserError("gnref conform needs hypothesis; install it with: pip install 'gnref[proofs]'")
    tell(at="the import", within=START + options.limit_seconds)
    named = _function(subject), None if generator is None else _function(generator)
    start = time.monotonic()
    import torch

    from gnref.conformance.judge import unjudged
    from gnref.conformance.subject import Subject

    torch.set_num_threads(1)
    judging = Subject(*named, options, subject, generator or "")
    for check, finding in judging.judged(done):
        if finding is None:
            # The alarm within this process comes first, where the subject lets it.
            blank = unjudged(check, judging.reason_to_fail(check))
            tell(at=check.id, within=1.2 * options.limit_seconds + 1, before=asdict(blank))
        else:
            tell(found=check.id, finding=asdict(finding))
    return {
        "torch": torch.__version__,
        "Python": platform.python_version(),
        "seconds": f"{time.monotonic() - start:.1f}",
    }


def _function(name: str) -> Any:
    found = imported(name, CALLABLE)
    if not callable(found):
        raise UserError(f"expected {CALLABLE}, but {name} is a {type(found).__name__}")
    return found
