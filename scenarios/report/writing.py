"""Writes the reports of a run into a directory."""

from __future__ import annotations

import json
from pathlib import Path

from scenarios.outcomes import Run
from scenarios.report import document, junit, page


def write(run: Run, directory: Path) -> None:
    """report.json, report.html and junit.xml; the directory is made, older files of these names replaced."""
    directory.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document.render(run), indent=2, default=str) + "\n"
    (directory / "report.json").write_text(text, encoding="utf-8")
    (directory / "report.html").write_text(page.render(run), encoding="utf-8")
    (directory / "junit.xml").write_text(junit.render(run), encoding="utf-8")
