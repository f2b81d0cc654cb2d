"""What the JSON Schema says about a file, in words for its author.

Only shapes are reported here (types, missing and unknown fields, choices). Ranges and patterns are in the
schema too, for editors, but the checks say more about them, so they are left to the checks.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from topologies.findings import Finding
from topologies.specs import Path

_LEFT_TO_CHECKS = {"pattern", "maxLength", "minimum", "maximum"}
_TYPES = {
    "object": "a mapping of fields",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}


def find(value: Any, schema: dict[str, Any]) -> list[Finding]:
    """Every misfit of shape. The path of a missing or unknown field is that of the field itself."""
    found: dict[Finding, None] = {}
    for error in Draft202012Validator(schema).iter_errors(value):
        found.update(dict.fromkeys(_findings(error)))
    return list(found)


def _findings(error: ValidationError) -> Iterator[Finding]:
    path: Path = tuple(error.absolute_path)
    keyword, asked, instance = str(error.validator), cast("Any", error.validator_value), error.instance
    schema = cast("dict[str, Any]", error.schema)
    if keyword in _LEFT_TO_CHECKS or (keyword in ("minItems", "maxItems") and path[-1:] != ("between",)):
        return
    if keyword == "required":
        yield from _missing(cast("dict[str, Any]", instance), schema, path)
    elif keyword == "additionalProperties":
        yield from _unknown(cast("dict[str, Any]", instance), list(schema["properties"]), path)
    elif keyword == "enum":
        yield Finding(path, f"{_show(instance)} is no choice here", f"write {' or '.join(asked)}")
    elif keyword == "type":
        wanted = " or ".join(_TYPES[kind] for kind in ([asked] if isinstance(asked, str) else asked))
        yield Finding(path, f"{_describe(instance)} where {wanted} belongs", _example(schema, path))
    else:
        names = len(cast("list[Any]", instance))
        yield Finding(
            path, f"{names} given where two names belong", "a link joins two cells or routers: [main, east]"
        )


def _missing(instance: dict[str, Any], schema: dict[str, Any], path: Path) -> Iterator[Finding]:
    for field in schema["required"]:
        if field not in instance:
            example = schema["properties"][field]["examples"][0]
            listed = example.startswith("- ")
            remedy = f"'{field}:' and a list such as '{example}'" if listed else f"'{field}: {example}'"
            yield Finding((*path, field), "this field is missing", f"add {remedy}")


def _unknown(instance: dict[str, Any], fields: list[str], path: Path) -> Iterator[Finding]:
    for field in instance:
        if field not in fields:
            near = difflib.get_close_matches(field, fields, 1)
            remedy = f"did you mean {near[0]!r}?" if near else f"the fields here are {', '.join(fields)}"
            yield Finding((*path, field), "there is no such field", remedy)


def _example(schema: dict[str, Any], path: Path) -> str:
    if not path:
        return "begin with 'name: my-cloud' and 'cells:'"
    example = str(schema["examples"][0])
    field = f"{path[-1]}: " if isinstance(path[-1], str) and not example.startswith("- ") else ""
    return f"write something like '{field}{example}'"


def _describe(value: Any) -> str:
    if value is None:
        return "there is nothing"
    if isinstance(value, dict):
        return "there is a mapping"
    if isinstance(value, list):
        return "there is a list"
    return f"there is {_show(value)}"


def _show(value: Any) -> str:
    text = repr(value) if isinstance(value, str | int | float) else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
