"""The JSON document of `gnref conform` is as its published schema says, and loses nothing."""

import json
from pathlib import Path
from typing import Any

import pytest
from subjects.judged import judged, literal, quick
from subjects.schema import violations

import gnref.conformance
from gnref.conformance import Finding, Options, Subject
from gnref.conformance.document import to_json
from gnref.conformance.show import badge

SCHEMA = json.loads((Path(gnref.conformance.__file__).parent / "findings.schema.json").read_text(encoding="utf-8"))
ABOUT = {"gnref": "1", "subject": "my.module:normalize", "generator": None}


def document(findings: list[Finding], options: Options = Options()) -> dict[str, Any]:  # noqa: B008
    found: dict[str, Any] = json.loads(to_json(findings, ABOUT, options))
    return found


def test_findings_survive_json() -> None:
    findings = judged(Subject(literal), "value")
    rows = document(findings)["findings"]
    assert [Finding(**{k: v for k, v in row.items() if k not in ("wrong", "page")}) for row in rows] == findings


@pytest.mark.parametrize("options", [Options(), Options(eps=1e-8), Options(expect_file=Path("a.txt"), budget="10s")])
def test_the_document_is_as_its_schema_says(options: Options) -> None:
    findings = quick(Subject(literal, options=Options(eps=options.eps)))
    assert violations(document(findings, options), SCHEMA, SCHEMA) == []


def test_the_schema_tells_a_document_that_is_not() -> None:
    broken = document(judged(Subject(literal), "value"))
    broken["verdict"] = "fine"
    del broken["findings"][0]["remedy"]
    broken["findings"][1]["outcome"] = "who knows"
    broken["options"]["seed"] = "0"
    assert len(violations(broken, SCHEMA, SCHEMA)) == 4


def test_a_badge_counts_the_laws_that_count() -> None:
    findings = judged(Subject(literal), "value") + judged(Subject(literal), "zero-over-zero")
    assert badge(findings) == "conforms, 1 of 1 laws"
    assert badge(findings, strict=True) == "does not conform, 1 of 2 laws"
    assert badge(Subject(lambda D, x: 1 / 0).findings()) == "could not be judged"
