"""A file as a checked value: what is wanted, and by which line. Pure; every problem is found at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cellnet_core.declarative import fields
from cellnet_core.declarative.fields import FIELDS, KINDS, REQUIRED, Kind
from cellnet_core.declarative.source import DocumentError, Problem, Source, parse
from cellnet_core.manager import addresses

FORMAT = 1
TOP = ("cellnet", "managed_by", "cells", "profiles", "endpoints", "connections")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One object as the file has it. What it does not say is not among `fields` and is left as it is."""

    kind: Kind
    name: str
    line: int
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Document:
    """A whole file. `managed_by`: whose objects it declares."""

    managed_by: str
    objects: tuple[Wanted, ...]

    def of(self, kind: Kind) -> tuple[Wanted, ...]:
        """The objects of one kind, in the file's order."""
        return tuple(wanted for wanted in self.objects if wanted.kind == kind)


def read(text: str, file: str) -> Document:
    """The document in a text. Raises DocumentError with everything that is wrong with it."""
    source = parse(text, file)
    problems = list(source.problems)
    document = Document("", ())
    if not isinstance(source.value, dict):
        problems.append(
            Problem(1, "no document; write `cellnet: 1`, `managed_by: NAME` and lists of objects")
        )
    else:
        problems += _top(source)
        objects = [found for kind in KINDS for found in _objects(source, kind, problems)]
        document = Document(str(source.value.get("managed_by", "")), tuple(objects))
        problems += _twice(document)
        problems += _pairs(document)
    if problems:
        raise DocumentError(file, tuple(problems))
    return document


def _top(source: Source) -> Iterator[Problem]:
    content = source.value
    for key in content:
        if key not in TOP:
            yield Problem(source.line(key), f"unknown {key!r}; known are {', '.join(TOP)}")
    if content.get("cellnet") != FORMAT:
        yield Problem(source.line("cellnet"), f"write `cellnet: {FORMAT}`, the version of this format")
    try:
        fields.name(content.get("managed_by"))
    except ValueError as error:
        yield Problem(source.line("managed_by"), f"managed_by: {error} (whose objects are these?)")


def _objects(source: Source, kind: Kind, problems: list[Problem]) -> Iterator[Wanted]:
    key = f"{kind}s"
    entries = source.value.get(key) or []
    if not isinstance(entries, list):
        problems.append(Problem(source.line(key), f"{key}: write a list, `- {{name: ...}}` for each"))
        return
    for number, entry in enumerate(entries):
        line = source.line(key, number)
        if not isinstance(entry, dict):
            problems.append(Problem(line, f"{kind}: write `- {{name: ...}}`"))
            continue
        said: dict[str, Any] = {}
        for field, value in entry.items():
            at = source.line(key, number, field)
            try:
                if field == "name":
                    fields.name(value)
                else:
                    said[field] = _field(kind, field).check(value)
            except ValueError as error:
                problems.append(Problem(at, f"{kind} {entry.get('name', number)}: {field}: {error}"))
        problems += [
            Problem(line, f"{kind} {entry.get('name', number)}: {field} is missing")
            for field in ("name", *REQUIRED[kind])
            if field not in entry
        ]
        yield Wanted(kind, str(entry.get("name", "")), line, said)


def _field(kind: Kind, name: str) -> fields.Field:
    if name not in FIELDS[kind]:
        raise ValueError(f"unknown here; known are name, {', '.join(FIELDS[kind])}")
    return FIELDS[kind][name]


def _twice(document: Document) -> Iterator[Problem]:
    first: dict[tuple[str, str], Wanted] = {}
    for wanted in document.objects:
        before = first.setdefault((wanted.kind, wanted.name), wanted)
        if wanted.name and before is not wanted:
            text = f"{wanted.kind} {wanted.name} is on line {before.line} already; rename one"
            yield Problem(wanted.line, text)


def _pairs(document: Document) -> Iterator[Problem]:
    """What can never be joined, as far as the file alone shows it."""
    ends = {endpoint.name: endpoint for endpoint in document.of("endpoint")}
    joined: dict[frozenset[str], Wanted] = {}
    for wanted in document.of("connection"):
        local, remote = (str(wanted.fields.get(side)) for side in REQUIRED["connection"])
        if local == remote:
            yield Problem(
                wanted.line, f"connection {wanted.name} joins {local} to itself; name two endpoints"
            )
            continue
        before = joined.setdefault(frozenset((local, remote)), wanted)
        if before is not wanted and "None" not in (local, remote):
            text = f"connection {wanted.name} joins the same endpoints as {before.name} (line {before.line})"
            yield Problem(wanted.line, f"{text}; keep one")
        if local in ends and remote in ends:
            yield from _clash(wanted, ends[local], ends[remote])


def _clash(wanted: Wanted, local: Wanted, remote: Wanted) -> Iterator[Problem]:
    if local.fields.get("cell") is not None and local.fields.get("cell") == remote.fields.get("cell"):
        text = f"{local.name} and {remote.name} are both in cell {local.fields['cell']}"
        yield Problem(wanted.line, f"connection {wanted.name}: {text}; name endpoints of two cells")
    for mine in local.fields.get("prefixes", ()):
        for theirs in remote.fields.get("prefixes", ()):
            if addresses.overlaps(mine, theirs):
                text = f"{mine} of {local.name} overlaps {theirs} of {remote.name}; renumber one"
                yield Problem(wanted.line, f"connection {wanted.name}: {text}")
