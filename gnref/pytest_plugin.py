"""Turns a pytest run into a report: load it with `-p gnref.pytest_plugin`.

A test says which law it judges by a parameter of the name `law`; the law knows its claim, and whether it must fail. A
test without a law says `@pytest.mark.claim("theorem-6")`, adding `refutes=True` where it pins a counterexample. What a
test measured it leaves in `item.user_properties` under "gnref", which crosses xdist's workers.
"""

import platform
import time
from collections.abc import Generator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import torch

from gnref import __version__
from gnref.claims import CLAIMS
from gnref.claims.lessons import lessons
from gnref.laws import FunctionLaw, Law
from gnref.report import Row, Verdict, as_text, exit_code, write

_MEASURED = {field.name for field in fields(Row)} - {"claim", "source", "status", "verdict", "reason"}


def pytest_configure(config: pytest.Config) -> None:
    """Collect where the run is gathered: on the controller of an xdist run, or in the one process there is."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Report(Path(config.rootpath)), "gnref-report")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Name the claim of the test in its report."""
    claim = _claim(item)
    if claim is not None and not any(key == "gnref-claim" for key, _ in item.user_properties):
        item.user_properties.append(("gnref-claim", claim))
    return (yield)


def _claim(item: pytest.Item) -> list[str | bool] | None:
    """The claim's id and whether the test refutes it; None for a test of no claim."""
    law = item.callspec.params.get("law") if hasattr(item, "callspec") else None
    if isinstance(law, (Law, FunctionLaw)):
        return [law.claim, law.refuted]
    mark = item.get_closest_marker("claim")
    return None if mark is None else [mark.args[0], bool(mark.kwargs.get("refutes", False))]


class _Report:
    def __init__(self, folder: Path) -> None:
        self.folder, self.rows, self.start = folder, list[Row](), time.monotonic()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        properties: dict[str, Any] = dict(report.user_properties)
        decided = report.when == "call" or report.outcome != "passed"
        if decided and "gnref-claim" in properties:
            claim, refutes = properties["gnref-claim"]
            self.rows.append(_row(report, claim, refutes, properties.get("gnref", {})))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.rows and exit_code(self.rows) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.rows:
            return
        order = list(CLAIMS)
        rows = sorted(self.rows, key=lambda row: (order.index(row.claim), row.check))
        seconds = time.monotonic() - self.start
        written = write(rows, self.folder, seconds, "The claims of gradient normalization", _about(), lessons())
        terminalreporter.section("claims")
        terminalreporter.write_line(as_text(rows, lessons()))
        terminalreporter.write_line(f"{seconds:.1f} s in all; {' and '.join(path.name for path in written)} written")


def _about() -> dict[str, str]:
    return {
        "gnref": __version__,
        "torch": torch.__version__,
        "Python": platform.python_version(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
    }


def _row(report: pytest.TestReport, claim: str, refutes: bool, measured: dict[str, Any]) -> Row:
    verdict: Verdict
    reason = ""
    if report.outcome == "skipped":
        verdict = "skipped"
        reason = (
            report.longrepr[2].removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else report.longreprtext
        )
    elif report.outcome == "passed":
        verdict = "refuted as expected" if refutes else "confirmed"
    else:
        verdict = "UNEXPECTED"
        reason = "the counterexample does not refute it" if refutes else "broken"
        crash = getattr(report.longrepr, "reprcrash", None)
        measured = {**measured, "counterexample": crash.message if crash is not None else report.longreprtext}
    known = {name: value for name, value in measured.items() if name in _MEASURED}
    known.setdefault("check", report.nodeid.split("::")[-1])
    known["seconds"] = round(report.duration, 3)
    found = CLAIMS[claim]
    return Row(found.id, found.source, found.status, verdict, reason=reason, **known)
