"""Secrets are masked wherever they might be written down."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from cellnet_core.model import redaction
from cellnet_core.model.clock import SystemClock
from cellnet_core.model.journal import FileJournal
from cellnet_core.model.redaction import RedactingFormatter

SECRET = "s3cr3t-Value"


@pytest.mark.parametrize(
    "line",
    [
        f'md5-password "{SECRET}";',
        f"password={SECRET}",
        f"password: {SECRET}, next",
        f'{{"password": "{SECRET}"}}',
        f"{{'bgp_password': '{SECRET}'}}",
        f"X-Auth-Token: {SECRET}",
        f"postgresql://cellnet:{SECRET}@db/cellnet",
        f"enrolment_token = {SECRET}",
        f"ProfileRecord(hold_time=9, password='{SECRET}')",
    ],
)
def test_text(line: str) -> None:
    clean = redaction.text(line)
    assert SECRET not in clean
    assert redaction.MASK in clean


@pytest.mark.parametrize(
    "line",
    [
        "one-time token for the agent of main/main-gw1, until noon",
        "http://100.64.0.1:9790/v1/agents",
        "the credential of the agent of main/main-gw1 is void; its gateway goes on as it is",
        "2026-11-22 ready",
    ],
)
def test_other_text_stays_as_it_is(line: str) -> None:
    assert redaction.text(line) == line


def test_documents_however_deep() -> None:
    clean = redaction.redact(
        {"a": [{"password": SECRET, "name": "x"}], "md5_password": SECRET, "token": None}
    )
    assert clean == {"a": [{"password": "***", "name": "x"}], "md5_password": "***", "token": None}


def test_long_lines_cost_little() -> None:
    redaction.text("a-" * 50_000 + "password")
    redaction.text('password "' * 5_000)


def test_a_journal_masks(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path / "j", "test", SystemClock())
    journal.record("action", payload={"neighbor": {"password": SECRET}}, line=f'md5-password "{SECRET}";')
    text = (tmp_path / "j").read_text()
    assert SECRET not in text
    assert json.loads(text)["kind"] == "action"


def test_a_log_masks_messages_arguments_and_tracebacks() -> None:
    formatter = RedactingFormatter("%(message)s")
    error = ValueError(f"password={SECRET}")
    info = (ValueError, error, None)
    record = logging.LogRecord("x", 40, "p", 1, "token: %s", (SECRET,), info)
    assert SECRET not in formatter.format(record)
