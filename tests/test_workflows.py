"""The workflow files: what runs there is named by its commit, and may do no more than it has to."""

import re
from pathlib import Path

import pages
import pytest

WORKFLOWS = sorted((pages.ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_every_action_is_pinned_to_a_commit(file: Path) -> None:
    """A tag can be moved by whoever owns the action; the comment says which version the commit is."""
    used = re.findall(r"uses: (.*)", file.read_text(encoding="utf-8"))
    assert used
    assert not [action for action in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}  # v[\d.]+", action)]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_may_read_and_a_job_asks_for_more_by_name(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert "\npermissions: {contents: read}\n" in text
    assert "write-all" not in text
