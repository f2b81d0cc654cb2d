"""Plans as text for people and as documents for programs; what is there as a file. Pure."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from typing import Any

from ruamel.yaml import YAML

from cellnet_core.declarative.current import Current
from cellnet_core.declarative.document import FORMAT
from cellnet_core.declarative.fields import FIELDS, KINDS, Kind
from cellnet_core.declarative.planning import Plan

MARKS = {"create": "+", "update": "~", "delete": "-"}


def plan_text(plan: Plan) -> str:
    """A line for each action, in order, then what is left alone and the hash."""
    lines = []
    width = max((len(f"{a.kind} {a.name}") for a in plan.actions), default=0)
    for action in plan.actions:
        subject = f"{action.kind} {action.name}"
        lines.append(f"{MARKS[action.verb]} {subject:<{width}}  {action.reason}")
    lines += [f"  ({note})" for note in plan.notes]
    if not plan.actions:
        return "\n".join([*lines, "no changes"]) + "\n"
    counts = (f"{sum(a.verb == verb for a in plan.actions)} to {verb}" for verb in MARKS)
    return (
        "\n".join([*lines, f"{len(plan.actions)} actions: {', '.join(counts)}", f"plan hash: {plan.hash}"])
        + "\n"
    )


def plan_document(plan: Plan) -> str:
    """The same as JSON."""
    actions = [
        {"verb": a.verb, "kind": a.kind, "name": a.name, "reason": a.reason, "body": dict(a.body)}
        for a in plan.actions
    ]
    return json.dumps({"hash": plan.hash, "actions": actions, "notes": plan.notes}, indent=2) + "\n"


def owners(current: Current) -> tuple[str, ...]:
    """Everybody who declares something, by name."""
    return tuple(sorted({found.managed_by for found in current.objects} - {""}))


def export(current: Current, managed_by: str, *, as_json: bool = False) -> str:
    """What is there as a file: cells, and the endpoints and connections of that owner and of nobody.

    A plan of it is empty.
    """
    document: dict[str, Any] = {"cellnet": FORMAT, "managed_by": managed_by}
    for kind in KINDS:
        document[f"{kind}s"] = list(_entries(current, kind, managed_by))
    if as_json:
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 100
    text = io.StringIO()
    yaml.dump(document, text)
    return text.getvalue()


def _entries(current: Current, kind: Kind, managed_by: str) -> Iterable[dict[str, Any]]:
    for found in sorted(current.of(kind), key=lambda entry: entry.name):
        if found.deleting or found.managed_by not in ("", managed_by):
            continue
        if kind == "profile" and found.fields.get("is_default") and not found.managed_by:
            continue  # every manager makes one by itself
        said = {name: found.fields[name] for name in FIELDS[kind] if name in found.fields}
        yield {"name": found.name} | {
            name: value for name, value in said.items() if value not in ("", [], {})
        }
