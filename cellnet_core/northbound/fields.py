"""The types that requests are made of, and the bases of their schemas. Strict: nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from fastapi import Depends, Header, Path, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from cellnet_core.manager import addresses
from cellnet_core.manager.errors import InvalidError
from cellnet_core.manager.service import Manager
from cellnet_core.northbound import errors
from cellnet_core.northbound.versions import MIN_VERSION, Version, speaks, text
from cellnet_core.store.records import ConditionRecord

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,62}")
RESERVED_ASNS: Mapping[int, str] = {23_456: "RFC 6793", 65_535: "RFC 7300"}
"""AS numbers that no speaker may have, beside the first and the last (RFC 7607, RFC 7300)."""


class Input(BaseModel):
    """Something a client sends. Unknown fields are refused, and the known ones named."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    since: ClassVar[Mapping[str, Version]] = {}
    """Fields that came with a version; below it they are unknown."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown(cls, data: Any) -> Any:
        if isinstance(data, dict):
            fields = [name for name in cls.model_fields if speaks(cls.since.get(name, MIN_VERSION))]
            unknown = [str(key) for key in data if key not in fields]
            if unknown:
                raise PydanticCustomError(
                    "unknown_field",
                    "unknown {unknown}; known are {known}{later}",
                    {
                        "unknown": ", ".join(repr(key) for key in unknown),
                        "known": ", ".join(fields) or "none",
                        "later": cls._later(unknown),
                    },
                )
        return data

    @classmethod
    def _later(cls, names: Iterable[str]) -> str:
        """What to do for those of these fields that a later version knows."""
        came = {name: cls.since[name] for name in names if name in cls.since}
        if not came:
            return ""
        newest = max(came.values())
        return (
            f"; {', '.join(map(repr, came))} came with version {text(newest)}: "
            f"ask for it by OpenStack-API-Version: cell-network {text(newest)}"
        )


class Output(BaseModel):
    """Something a client is sent."""

    model_config = ConfigDict(frozen=True)


def _check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is no name; write letters, digits and _.- with a letter or digit first, 63 at most"
        )
    try:
        UUID(name)
    except ValueError:
        return name
    raise ValueError("a name must not look like an id (UUID); choose another")


def _canonical_uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise ValueError(f"{text!r} is no UUID") from None


def _usable_asn(asn: int) -> int:
    if asn in RESERVED_ASNS:
        raise ValueError(
            f"{asn} is reserved ({RESERVED_ASNS[asn]}) and names nobody: choose another, as 65001"
        )
    return asn


def _sorted_set(tags: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(tags)))


MAX_ITEMS = 1000
"""Ports or prefixes that one object may name: a cell announces aggregates, not hosts."""
MAX_PREFIXES = 20_000
"""Prefixes of one endpoint: there may be many that do not aggregate. A body of so many is under 1 MiB."""
Text = Annotated[str, StringConstraints(strict=True, max_length=255, pattern=r"^[^\x00]*$")]
Name = Annotated[
    str,
    Field(strict=True, json_schema_extra={"pattern": f"^{_NAME.pattern}$"}),
    AfterValidator(_check_name),
]
Owner = Annotated[str, StringConstraints(strict=True, max_length=63, pattern=r"^[A-Za-z0-9_.\-]*$")]
"""Which file or program declares an object; empty: nobody does."""
Reference = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=63, pattern=r"^[^\x00]*$")]
Interface = Annotated[str, StringConstraints(strict=True, pattern=r"^[^\s/:]{1,63}$")]
Uuid = Annotated[str, StringConstraints(strict=True), AfterValidator(_canonical_uuid)]
Asn = Annotated[
    int,
    Field(strict=True, ge=1, le=4_294_967_294, json_schema_extra={"not": {"enum": sorted(RESERVED_ASNS)}}),
    AfterValidator(_usable_asn),
]
RowNumber = Annotated[int, Path(ge=0, le=2**63 - 1)]
"""What the store counts by itself: no database takes more than 64 bits."""
HoldTime = Annotated[int, Field(strict=True, ge=3, le=65535)]
"""Seconds (RFC 4271 section 4.2)."""
RestartTime = Annotated[int, Field(strict=True, ge=0, le=4095)]
"""Seconds, 12 bits (RFC 4724 section 3); 0 is off."""
Seconds = Annotated[float, Field(strict=True, ge=0, le=3600, allow_inf_nan=False)]
Flag = Annotated[bool, Field(strict=True)]
Tag = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:\-]{0,59}$")]
Tags = Annotated[tuple[Tag, ...], Field(max_length=50), AfterValidator(_sorted_set)]
Prefix = Annotated[str, StringConstraints(strict=True), AfterValidator(addresses.parse_prefix)]
InterfaceAddress = Annotated[str, StringConstraints(strict=True), AfterValidator(addresses.parse_interface)]
Address = Annotated[str, StringConstraints(strict=True), AfterValidator(addresses.parse_address)]


class Link(TypedDict):
    """A link to this or another object."""

    rel: str
    href: str


class Condition(TypedDict):
    """One thing that is so, not so, or not known; "True" is good."""

    type: str
    status: str
    reason: str
    message: str
    since: datetime


def conditions(records: tuple[ConditionRecord, ...]) -> list[Condition]:
    """As clients see them."""
    # Nine for each connection: written out, since a call for each takes twice as long.
    return [
        {"type": type_, "status": status, "reason": reason, "message": message, "since": since}
        for type_, status, reason, message, since in records
    ]


def manager_of(request: Request) -> Manager:
    """The manager that answers."""
    manager: Manager = request.app.state.manager
    return manager


# Dependencies are coroutines: plain functions would each be handed to a thread and back, which costs more
# than they do.
async def _manager(request: Request) -> Manager:
    return manager_of(request)


async def _no_query(request: Request) -> None:
    """For addresses that take no query: a key that nobody reads is a mistake of the caller."""
    if request.query_params:
        names = ", ".join(sorted({repr(key) for key in request.query_params}))
        raise InvalidError("request.unknown_query", f"unknown {names}; this address takes no query")


_IF_MATCH = Header(
    alias="If-Match", json_schema_extra={"pattern": r'^(\*|(revision_number=)?"?[0-9]{1,15}"?)$'}
)


async def _if_match(request: Request, value: Annotated[str, _IF_MATCH] = "*") -> int | None:
    """`If-Match: revision_number=3` (as Neutron has it), or the bare number; `*` expects nothing.

    Said twice, it is a list (RFC 9110 section 5.3), of which an object can be at one revision only.
    """
    value = ", ".join(request.headers.getlist("If-Match")) or value
    if value.strip() == "*":
        return None
    number = value.strip().removeprefix("revision_number=").strip('"')
    if not (number.isascii() and number.isdigit() and len(number) < 16):
        raise InvalidError(
            "request.if_match", f'If-Match: {value!r} is not understood; write "revision_number=3"'
        )
    return int(number)


async def _request_id(request: Request) -> str:
    return errors.request_id(request)


ManagerOf = Annotated[Manager, Depends(_manager)]
RequestId = Annotated[str, Depends(_request_id)]
Expected = Annotated[int | None, Depends(_if_match)]
NoQuery = Depends(_no_query)
