"""The README's and the site's examples run, and their tables are the ones the code generates."""

import re
from pathlib import Path

import pages
import pytest
import torch

WITH_EXAMPLES = [page for page in pages.PAGES if pages.examples(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", pages.PAGES, ids=lambda page: page.name)
def test_the_generated_parts_are_current(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert pages.filled(text) == text, "run: python tests/pages.py"


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda page: page.name)
def test_the_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after another, in one namespace, as a reader who types the page from the top."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    names: dict[str, object] = {"__name__": "page"}
    for example in pages.examples(page.read_text(encoding="utf-8")):
        exec(example, names)  # the page's own text


def test_the_readme_has_an_example() -> None:
    assert pages.ROOT / "README.md" in WITH_EXAMPLES


@pytest.mark.parametrize("part", pages.PARTS)
def test_every_part_stands_on_a_page(part: str) -> None:
    assert any(f"<!-- {part} -->\n" in page.read_text(encoding="utf-8") for page in pages.PAGES)


NAMED = re.compile(r"`((?:gnref|tests|docs|properties|reproductions|asv_bench|\.ci)/[^\s`<>]*)`")


@pytest.mark.parametrize("page", [*pages.PAGES, pages.ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_the_files_that_a_page_names_exist(page: Path) -> None:
    """A name in capitals stands for another: `claims/NAME.py`, `reproductions/tableN.py`."""
    text = page.read_text(encoding="utf-8")
    named = {name for name in NAMED.findall(text) if not re.search(r"[A-Z]{3}|N\.", name)}
    assert not {name for name in named if not list(pages.ROOT.glob(name)) and not name.startswith(("docs/_build",))}


@pytest.mark.parametrize("page", [*pages.PAGES, pages.ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_the_relative_links_of_a_page_lead_somewhere(page: Path) -> None:
    """What the site generates (`claims/`, `examples/`) is checked by its build, where a dead link is an error."""
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    generated = ("claims/", "examples/")
    assert not {link for link in links if not link.startswith(generated) and not (page.parent / link).exists()}
