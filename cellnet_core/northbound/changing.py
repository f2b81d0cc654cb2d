"""PATCH, the same for every resource (RFC 7396): what is not said stays as it is.

A field that is said as null is as if a PUT had left it out: what then counts is said by the resource.
"""

from __future__ import annotations

from typing import TypeVar

from cellnet_core.manager.errors import InvalidError
from cellnet_core.northbound.fields import Input

Whole = TypeVar("Whole", bound=Input)


def over(now: Whole, change: Input) -> Whole:
    """The object as it shall be. `now`: as a PUT would say what it is. Raises InvalidError."""
    fields = type(now).model_fields
    said = {name: getattr(change, name) for name in change.model_fields_set}
    empty = [name for name, value in said.items() if value is None and fields[name].is_required()]
    if empty:
        raise InvalidError(
            "request.invalid_field", f"{', '.join(sorted(empty))}: cannot be null; leave it out to keep it"
        )
    return now.model_copy(
        update={name: fields[name].get_default() if value is None else value for name, value in said.items()}
    )
