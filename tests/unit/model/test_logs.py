"""Log lines for programs: JSON, whatever is in them, and no secret in either form."""

from __future__ import annotations

import json
import logging

import pytest

from cellnet_core.model import logs


def line(form: logs.Form, message: str, *args: object, **more: object) -> str:
    record = logging.getLogger("cellnet.test").makeRecord(
        "cellnet.test", logging.WARNING, "f", 1, message, args, None, extra=more
    )
    return logs.formatter(form).format(record)


def test_json_has_the_fields_and_takes_anything() -> None:
    found = json.loads(line("json", 'two\nlines and "quotes" %s', "é", connection="main-east"))
    assert (found["level"], found["logger"], found["connection"]) == ("WARNING", "cellnet.test", "main-east")
    assert found["message"] == 'two\nlines and "quotes" é'
    assert "T" in found["time"]


@pytest.mark.parametrize("form", logs.FORMS)
def test_secrets_are_masked_in_either_form(form: logs.Form) -> None:
    text = line(form, 'neighbor 1.2.3.4 { md5-password "s3cret"; } password=s3cret {"password": "s3cret"}')
    assert "s3cret" not in text
    if form == "json":
        json.loads(text)
