"""What overrules a verdict: evidence that nothing should be judged by."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

CANARY = (10.7, 11.8)
"""IS of CIFAR-10's training images is 11.24 ± 0.10 by torch-fidelity's page; the bounds, for half of them, are ours."""
SIGNATURE = (3.7, 4.7)
SIGNATURE_HOLDS_BELOW = 30.0


@dataclass(frozen=True)
class Session:
    """What the guards need to know of one training session."""

    seed: int
    commit: str
    settings: str
    scores: dict[str, float]


def guard(sessions: Sequence[Session]) -> str | None:
    """The first reason why these sessions cannot be judged by, or None.

    Distinct seeds; one commit, and no change that it does not hold; one setting; real images score as published; the
    protocol's signature FID(test) - FID(train), 4.04 to 4.26 in all eight printed rows, must lie in [3.7, 4.7] (10,000
    against 50,000 samples; asked where FID(train) is below 30: a generator far from the printed ones has another bias).
    """
    seeds = [session.seed for session in sessions]
    if len(set(seeds)) < len(seeds):
        return f"guard: seeds repeat ({', '.join(map(str, sorted(seeds)))})"
    for name in ("commit", "settings"):
        different = {getattr(session, name) for session in sessions}
        if len(different) > 1:
            return f"guard: the sessions come from {len(different)} different {name.removesuffix('s')}s"
    if any(session.commit.endswith("+") for session in sessions):
        return "guard: a session ran code that its commit does not hold"
    low, high = SIGNATURE
    for session in sessions:
        canary = session.scores.get("canary_is")
        if canary is not None and not CANARY[0] <= canary <= CANARY[1]:
            return f"guard: real training images have IS {canary:.2f}, outside {list(CANARY)}: weights or data differ"
        train, test = session.scores.get("fid_train", math.inf), session.scores.get("fid_test", math.inf)
        if train < SIGNATURE_HOLDS_BELOW and test < math.inf and not low <= test - train <= high:
            return (
                f"guard: seed {session.seed} has FID(test) - FID(train) = {test - train:.2f}, outside [{low}, {high}]: "
                "sample counts or splits are not the appendix's"
            )
    return None
