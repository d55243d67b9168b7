"""The report: verdicts, widths, what is written, and that a pytest run with xdist fills it."""

import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

from gnref.claims.claim import Status
from gnref.claims.lessons import lessons
from gnref.report import SCHEMA, Lesson, Row, as_json, as_page, as_text, exit_code, summary, write
from gnref.report.page import status_kind

ROWS = [
    Row(
        "theorem-5", "Theorem 5", "holds", "confirmed", "a", dtype="float32", cases=50, evidence="equality", seconds=1.5
    ),
    Row(
        "theorem-5", "Theorem 5", "holds", "confirmed", "b", dtype="float64", cases=20, evidence="fractions", worst=0.25
    ),
    Row("theorem-6-global", "Theorem 6", "false as used", "confirmed", "jump", evidence="derived bound", worst=0.5),
    Row(
        "theorem-6-global",
        "Theorem 6",
        "false as used",
        "refuted as expected",
        evidence="counterexample",
        counterexample="a\nb",
    ),
    Row("table-4", "Table 4", "empirical", "skipped", reason="a measured number"),
]
BROKEN = Row(
    "gn-0", "Figure 2", "holds", "UNEXPECTED", "slope", reason="broken", counterexample="<x> & y\n" + "z" * 300
)


def test_a_summary_has_the_worst_verdict_the_strongest_evidence_and_the_sums() -> None:
    five, six, table = summary(ROWS)
    assert (five.verdict, five.evidence, five.cases, five.dtype, five.worst) == (
        "confirmed",
        "fractions",
        70,
        "float32 float64",
        0.25,
    )
    assert (six.verdict, six.evidence, six.counterexample) == ("refuted as expected", "counterexample", "a\nb")
    assert table.verdict == "skipped"
    assert summary([*ROWS, BROKEN])[-1].verdict == "UNEXPECTED"


def test_only_the_unexpected_fails() -> None:
    assert exit_code(ROWS) == 0
    assert exit_code([*ROWS, BROKEN]) == 1


def test_the_table_fits_120_columns_and_counts() -> None:
    lines = as_text(ROWS).splitlines()
    assert max(map(len, lines)) <= 120
    assert lines[-1] == "1 refuted as expected, 1 confirmed, 1 skipped"
    assert "UNEXPECTED gn-0 (slope): broken" in as_text([*ROWS, BROKEN])


def test_json_has_a_schema_and_every_row() -> None:
    report = json.loads(as_json([*ROWS, BROKEN], 3.0, {"torch": "2"}))
    assert (report["schema"], report["exit_code"], len(report["rows"])) == (SCHEMA, 1, len(ROWS) + 1)
    assert report["rows"][0]["claim"] == "theorem-5"


def test_html_is_one_file_that_loads_nothing(tmp_path: Path) -> None:
    paths = write([*ROWS, BROKEN], tmp_path, 3.0, "Title & more", {"torch": "2"})
    assert (
        sorted(p.name for p in tmp_path.iterdir())
        == ["verification.html", "verification.json"]
        == sorted(p.name for p in paths)
    )
    page = (tmp_path / "verification.html").read_text()
    tags = tags_of(page)
    assert not {"script", "link"} & {tag for tag, _ in tags}
    places = [value or "" for _, attributes in tags for name, value in attributes if name in ("src", "href")]
    assert all(place.startswith("#") for place in places)
    assert "&lt;x&gt; &amp; y" in page
    assert "Title &amp; more" in page


def tags_of(page: str) -> list[tuple[str, list[tuple[str, str | None]]]]:
    tags: list[tuple[str, list[tuple[str, str | None]]]] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: tags.append((tag, attributes))  # type: ignore[method-assign]
    parser.feed(page)
    return tags


LESSON = Lesson("D <= 1.", "for real numbers", "D linear", "by Eq. 14", ("f = 1", "  f̂ = 1/2"), "Counterexample")


def test_a_row_of_the_page_opens_to_what_the_claim_says_and_its_checks() -> None:
    page = as_page(ROWS, 3.0, "title", {}, ["lead", "more"], ["a number"], {"theorem-5": LESSON}, {"caption": b"png"})
    start = page.index('id="theorem-5"')
    inside = page[start : page.index('id="theorem-6-global"')]
    assert page.count("D &lt;= 1.") == 1  # in the row itself, and not again below it
    for text in ("for real numbers", "D linear", "by Eq. 14", "f = 1\n  f̂ = 1/2", "2 checks"):
        assert text in inside
    assert [dict(attributes).get("class") for tag, attributes in tags_of(page) if tag == "details"] == [
        *("legend", "row", "checks", "row", "checks", "row", "more")
    ]
    assert not any(name == "open" for _, attributes in tags_of(page) for name, _ in attributes)
    assert 'src="data:image/png;base64,cG5n" alt="caption"' in page


def test_a_table_of_numbers_stands_above_the_folded_lines() -> None:
    table = [["f̂", "0 to 1", "unit"], ["length", "3 < 4", "of x"]]
    page = as_page(ROWS, 0.04, "title", {}, ["lead"], ["a number"], table=table)
    head, row = '<tr><th>f̂</th><th class="number">0 to 1</th><th>unit</th></tr>', '<td class="number">3 &lt; 4</td>'
    assert page.index(head) < page.index(row) < page.index("<li>a number</li>")
    assert ", in 0.04 s." in page  # never 0 s


def test_every_status_of_a_claim_has_a_colour_that_says_what_it_is() -> None:
    kinds = {status: status_kind(status) for status in get_args(Status)}
    assert kinds == {
        "holds": "true",
        "holds almost everywhere": "true",
        "holds under an extra assumption": "true",
        "float-limited": "true",
        "vacuous as printed": "partly",
        "does not extend to": "partly",
        "false as printed": "false",
        "false as used": "false",
        "empirical": "open",
    }


def test_the_terminals_table_says_each_claim_in_a_few_words() -> None:
    lines = as_text(ROWS, lessons()).splitlines()
    assert max(map(len, lines)) <= 120
    for claim in ("theorem-5", "theorem-6-global", "table-4"):
        row = next(number for number, line in enumerate(lines) if line.startswith(f"{claim} "))
        assert lines[row + 1].strip() == lessons()[claim].statement
    assert "    but: a" in lines


PROPERTIES = """
import pytest

@pytest.fixture
def measured(request):
    kept = {}
    request.node.user_properties.append(("gnref", kept))
    return kept

@pytest.mark.claim("theorem-5")
def test_holds(measured):
    measured.update(check="a-law", cases=7, evidence="equality", worst=0.5)

@pytest.mark.claim("theorem-6-global", refutes=True)
def test_pin(measured):
    measured.update(check="a-pin", cases=1, counterexample="relu(x) + 1")

@pytest.mark.claim("table-4")
def test_table():
    pytest.skip("needs data")

@pytest.mark.claim("gn-0", refutes=True)
def test_fails():
    raise AssertionError("what came")

def test_of_no_claim():
    pass
"""
CONFTEST = """
def pytest_configure(config):
    config.addinivalue_line("markers", "claim(id, refutes=False): .")
"""


def test_a_run_over_two_workers_is_reported_and_fails_for_the_unexpected(tmp_path: Path) -> None:
    (tmp_path / "test_properties.py").write_text(PROPERTIES)
    (tmp_path / "conftest.py").write_text(CONFTEST)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "gnref.pytest_plugin", "-p", "no:cacheprovider"]
    run = subprocess.run([*command, "."], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 1, run.stdout + run.stderr
    rows = {row["claim"]: row for row in json.loads((tmp_path / "verification.json").read_text())["rows"]}
    assert {claim: row["verdict"] for claim, row in rows.items()} == {
        "theorem-5": "confirmed",
        "theorem-6-global": "refuted as expected",
        "table-4": "skipped",
        "gn-0": "UNEXPECTED",
    }
    assert (rows["theorem-5"]["cases"], rows["theorem-5"]["worst"], rows["theorem-5"]["check"]) == (7, 0.5, "a-law")
    assert rows["table-4"]["reason"] == "needs data"
    assert "what came" in rows["gn-0"]["counterexample"]
    assert (tmp_path / "verification.html").exists()
    assert "s in all" in run.stdout
    assert "the counterexample does not refute it" in run.stdout
