"""Rows in; a table for the terminal, JSON and one static HTML page out."""

from gnref.report.document import SCHEMA, as_json, write
from gnref.report.lesson import Lesson
from gnref.report.page import as_page
from gnref.report.rows import Row, Verdict, exit_code, summary
from gnref.report.terminal import as_text

__all__ = ["SCHEMA", "Lesson", "Row", "Verdict", "as_json", "as_page", "as_text", "exit_code", "summary", "write"]
