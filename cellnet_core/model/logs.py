"""How log lines look: text for people, or one JSON object a line for programs. Secrets are masked in both."""

from __future__ import annotations

import logging
from typing import Any, Literal, get_args

from cellnet_core.model.redaction import RedactingFormatter, redact

Form = Literal["text", "json"]
FORMS: tuple[Form, ...] = get_args(Form)
FIELDS = "%(asctime)s %(levelname)s %(name)s %(message)s"


def formatter(form: Form) -> logging.Formatter:
    """For a handler of the process's log. The library for JSON is loaded when JSON is wanted."""
    if form == "text":
        return RedactingFormatter(FIELDS)
    from pythonjsonlogger.json import JsonFormatter

    class Redacting(JsonFormatter):
        """Masks values before they are JSON, so that it stays JSON."""

        def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
            return super().process_log_record({name: redact(value) for name, value in log_data.items()})

    return Redacting(
        FIELDS,
        rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
        datefmt="%Y-%m-%dT%H:%M:%S%z",
    )


def handler(form: Form) -> logging.Handler:
    """To standard error."""
    made = logging.StreamHandler()
    made.setFormatter(formatter(form))
    return made
