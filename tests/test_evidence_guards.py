"""What overrules a verdict, and which exit code a table of verdicts has."""

import math
from dataclasses import replace

from gnref.evidence.guards import Session, guard
from gnref.evidence.verdict import Verdict, exit_code, of_table


def _session(seed: int = 0, commit: str = "c", train: float = 11.0, test: float = 15.2) -> Session:
    return Session(seed, commit, "s", {"fid_train": train, "fid_test": test})


def test_guards() -> None:
    assert guard([_session(0), _session(1)]) is None
    assert "seeds repeat" in str(guard([_session(0), _session(0)]))
    assert "2 different commits" in str(guard([_session(0), _session(1, commit="d")]))
    assert "its commit does not hold" in str(guard([_session(0, "c+")]))
    canary = replace(_session(), scores={"canary_is": 9.0})
    assert "IS 9.00" in str(guard([canary]))
    assert "FID(test) - FID(train) = 0.20" in str(guard([_session(test=11.2)]))
    assert guard([_session(train=300.0, test=301.0)]) is None
    assert guard([_session(train=math.inf, test=math.inf)]) is None


def test_precedence_of_exit_codes() -> None:
    words = {
        Verdict.REPRODUCED: 0,
        Verdict.NOT_DISCRIMINATING: 0,
        Verdict.NOT_REPRODUCED: 1,
        Verdict.INCONCLUSIVE: 3,
        Verdict.NOT_RUN: 77,
    }
    outranks = [1, 3, 77, 0]
    for a, code_a in words.items():
        for b, code_b in words.items():
            assert exit_code([a, b, Verdict.EXTERNAL]) == min(code_a, code_b, key=outranks.index)
    assert exit_code([]) == exit_code([Verdict.EXTERNAL]) == 77
    assert [
        exit_code([v]) for v in (Verdict.PASS, Verdict.FAIL, Verdict.CONFLICT, Verdict.UNDECIDED, Verdict.OLDER)
    ] == [*(0, 1, 3, 3, 77)]
    assert of_table([Verdict.PASS, Verdict.FAIL]) is Verdict.FAIL
    assert of_table([Verdict.SHOWN, Verdict.REPRODUCED]) is Verdict.REPRODUCED
    assert of_table([Verdict.SHOWN]) is Verdict.SHOWN
