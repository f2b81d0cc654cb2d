"""Frozen dataclasses to JSON values and back, by their type annotations. Pure; knows nothing of labs.

Supports what the project's values are made of: dataclasses, tuples, dicts with text keys, enums, UUIDs, IP
addresses and networks, the JSON types, unions (the first member that fits) and Any. Unknown and missing
fields are errors, so that two versions of a program never misunderstand each other in silence.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import ipaddress
import types
import typing
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

T = TypeVar("T")

_TEXT_TYPES: tuple[type, ...] = (
    uuid.UUID,
    Path,
    ipaddress.IPv4Address,
    ipaddress.IPv6Address,
    ipaddress.IPv4Interface,
    ipaddress.IPv6Interface,
    ipaddress.IPv4Network,
    ipaddress.IPv6Network,
)


class CodecError(ValueError):
    """A document does not fit the type. The message starts with the place in the document."""


def to_document(value: Any) -> Any:
    """The JSON value of `value`. Raises TypeError for a type that is not supported."""
    if value is None or isinstance(value, str | int | float | bool):
        return value.value if isinstance(value, enum.Enum) else value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_document(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_document(item) for key, item in value.items()}
    if isinstance(value, tuple | list | set | frozenset):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return [to_document(item) for item in items]
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, _TEXT_TYPES):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form here")


def from_document(kind: type[T], document: Any, place: str = "document") -> T:
    """The value of type `kind` that `document` describes. Raises CodecError."""
    return cast(T, _decode(kind, document, place))


def _decode(kind: Any, document: Any, place: str) -> Any:
    if kind is Any:
        return document
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        return _decode_union(typing.get_args(kind), document, place)
    if origin is typing.Literal:
        if document not in typing.get_args(kind):
            raise CodecError(
                f"{place}: {document!r} is none of {', '.join(map(repr, typing.get_args(kind)))}"
            )
        return document
    if origin is tuple:
        return _decode_tuple(typing.get_args(kind), document, place)
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(document, dict):
            raise CodecError(f"{place}: expected an object, got {type(document).__name__}")
        item = typing.get_args(kind)[1]
        return {key: _decode(item, value, f"{place}.{key}") for key, value in document.items()}
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(cast(type, kind), document, place)
    return _decode_scalar(kind, document, place)


def _decode_union(kinds: tuple[Any, ...], document: Any, place: str) -> Any:
    problems = []
    for kind in kinds:
        try:
            return _decode(kind, document, place)
        except CodecError as error:
            problems.append(error)
    raise problems[0]


def _decode_tuple(kinds: tuple[Any, ...], document: Any, place: str) -> tuple[Any, ...]:
    if not isinstance(document, list | tuple):
        raise CodecError(f"{place}: expected a list, got {type(document).__name__}")
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(_decode(kinds[0], item, f"{place}[{index}]") for index, item in enumerate(document))
    if len(kinds) != len(document):
        raise CodecError(f"{place}: expected {len(kinds)} items, got {len(document)}")
    return tuple(
        _decode(kind, item, f"{place}[{index}]")
        for index, (kind, item) in enumerate(zip(kinds, document, strict=True))
    )


@functools.cache
def _fields(kind: type) -> dict[str, tuple[Any, bool]]:
    """Name -> (type, required) of a dataclass's fields."""
    hints = typing.get_type_hints(kind)
    return {
        field.name: (
            hints[field.name],
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(kind)
    }


def _decode_dataclass(kind: type, document: Any, place: str) -> Any:
    if not isinstance(document, dict):
        raise CodecError(f"{place}: expected an object, got {type(document).__name__}")
    fields = _fields(kind)
    unknown = sorted(document.keys() - fields.keys())
    if unknown:
        raise CodecError(f"{place}: unknown field {unknown[0]!r}; known: {', '.join(fields) or 'none'}")
    missing = [name for name, (_, required) in fields.items() if required and name not in document]
    if missing:
        raise CodecError(f"{place}: field {missing[0]!r} is missing")
    return kind(**{key: _decode(fields[key][0], value, f"{place}.{key}") for key, value in document.items()})


def _decode_scalar(kind: Any, document: Any, place: str) -> Any:
    if kind is None or kind is types.NoneType:
        if document is not None:
            raise CodecError(f"{place}: expected nothing, got {document!r}")
        return None
    if kind is float and isinstance(document, int) and not isinstance(document, bool):
        return float(document)
    if kind in (bool, int, float, str):
        if type(document) is not kind:
            raise CodecError(f"{place}: expected {kind.__name__}, got {document!r}")
        return document
    if isinstance(kind, type) and (issubclass(kind, enum.Enum) or kind in _TEXT_TYPES):
        try:
            return kind(document)
        except (ValueError, TypeError) as error:
            raise CodecError(f"{place}: {document!r} is no {kind.__name__}: {error}") from error
    raise TypeError(f"{kind!r} cannot be read from JSON here")
