"""Examples for the OpenAPI document, from real answers (tests/unit/northbound/test_examples.py has them)."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

FILE = "examples.json"


def add(document: dict[str, Any]) -> None:
    """Put them into the document: one for each body that is sent, one for each answer when all is well."""
    examples = json.loads(files("cellnet_core.northbound").joinpath(FILE).read_text(encoding="utf-8"))
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            known = examples.get(f"{method.upper()} {path}", {})
            if "request" in known and "requestBody" in operation:
                operation["requestBody"]["content"]["application/json"]["example"] = known["request"]
            for status, answer in operation["responses"].items():
                content = answer.get("content", {}).get("application/json")
                if status < "300" and content is not None and "response" in known:
                    content["example"] = known["response"]
