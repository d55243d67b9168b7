"""`gnref conform`: the subject judged in a process of its own, its findings shown, its verdict the exit code."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from gnref import __version__
from gnref.conformance.document import to_json
from gnref.conformance.finding import Finding, Outcome
from gnref.conformance.options import Options
from gnref.conformance.show import exit_code, text
from gnref.files import check_outputs, write_atomically
from gnref.supervisor import run_apart


def conform(subject: str, generator: str | None, json_file: Path | None, options: Options) -> int:
    """Judge, print and write what was found.

    Args:
        subject: A callable normalize(discriminator, x, *args, **kwargs) -> scores, as my.module:normalize.
        generator: Its loss-aware form for the generator's step, named alike.
        json_file: Where the findings are written as well.
        options: How it is judged.

    Returns:
        The exit code: 0 conforming, 1 not, 2 it could not be judged.

    Raises:
        UserError: the subject could not be imported, or the file could not be written.
    """
    options.check()
    check_outputs({"--json": json_file})
    findings, about = judged_apart(subject, generator, options)
    if json_file is not None:
        named = {"gnref": __version__, **about, "subject": subject, "generator": generator}
        write_atomically(json_file, to_json(findings, named, options))
    print(text(findings, subject, options.strict))
    return exit_code(findings, options.strict)


def judged_apart(subject: str, generator: str | None, options: Options) -> tuple[list[Finding], dict[str, str]]:
    """The findings of child processes, and the versions of what they used.

    A subject that hangs where no alarm reaches it, or ends its process, does so at one law: the others are judged in
    another process.

    Raises:
        UserError: that happened while it was imported.
    """
    found: dict[str, Finding] = {}
    begun: dict[str, Finding] = {}

    def hear(line: dict[str, Any]) -> None:
        if "before" in line:
            begun[line["at"]] = Finding(**line["before"])
        if "found" in line:
            found[line["found"]] = Finding(**line["finding"])

    while True:
        ending = run_apart("gnref.conformance.work:judge", subject, generator, options, tuple(found), hear=hear)
        if ending.returned or ending.at not in begun:
            return list(found.values()), ending.result_of(subject)
        outcome: Outcome = "never returned" if ending.hung else "ended the process"
        reason = f"did not return within {options.limit_seconds:g} s" if ending.hung else ending.why
        found[ending.at] = replace(begun[ending.at], outcome=outcome, cases=1, reason=reason)
        if found[ending.at].plain_fails:
            return list(found.values()), {}
