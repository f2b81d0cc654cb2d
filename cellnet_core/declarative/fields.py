"""What may be said of each kind of object, how it is checked, and when two values are the same. Pure.

A table, so that checking, comparing and exporting cannot disagree on the fields there are. What the manager
decides (overlaps, ports, what a gateway has) is left to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from cellnet_core.manager import addresses

Kind = Literal["cell", "profile", "endpoint", "connection"]
KINDS: tuple[Kind, ...] = ("cell", "profile", "endpoint", "connection")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,62}")
TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:\-]{0,59}")
Check = Callable[[Any], Any]
"""The value in canonical form. Raises ValueError with the remedy."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `unordered`: a list whose order means nothing."""

    check: Check
    unordered: bool = False


def name(value: Any) -> str:
    """A name. Raises ValueError."""
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise ValueError(
            f"{value!r} is no name; write letters, digits and _.- with a letter or digit first, 63 at most"
        )
    try:
        UUID(value)
    except ValueError:
        return value
    raise ValueError(f"{value!r} looks like an id (UUID); choose another name")


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 255 or "\0" in value:
        raise ValueError(f"{value!r} is no text of at most 255 characters; quote it")
    return value


def _number(low: float, high: float, *, whole: bool = True) -> Check:
    def check(value: Any) -> Any:
        number = isinstance(value, int) if whole else isinstance(value, int | float)
        if isinstance(value, bool) or not number or not low <= value <= high:
            raise ValueError(f"{value!r} is no {'whole ' if whole else ''}number from {low} to {high}")
        return value if whole else float(value)

    return check


def _choice(*words: str) -> Check:
    def check(value: Any) -> str:
        if value not in words:
            raise ValueError(f"{value!r} is not one of {', '.join(words)}")
        return str(value)

    return check


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")  # noqa: TRY004 (one kind of error for all)
    return value


def _uuid(value: Any) -> str:
    try:
        return str(UUID(str(value)))
    except ValueError:
        raise ValueError(f"{value!r} is no UUID") from None


def _list(check: Check, least: int = 0) -> Check:
    def every(value: Any) -> list[Any]:
        if not isinstance(value, list) or len(value) < least:
            raise ValueError(f"{value!r} is no list" + (f" of at least {least}" if least else ""))
        return [check(item) for item in value]

    return every


def _textual(parse: Callable[[str], str]) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is no text; quote it")  # noqa: TRY004 (one kind of error for all)
        return parse(value)

    return check


def _port(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        value = {"interface": value}
    if not isinstance(value, dict) or "interface" not in value or set(value) - {"interface", "addresses"}:
        raise ValueError(f"{value!r} is no port; write wan1, or {{interface: wan1, addresses: [...]}}")
    port = _text(value["interface"])
    if "addresses" not in value:
        return {"interface": port}
    found = _list(_textual(addresses.parse_interface), 1)(value["addresses"])
    return {"interface": port, "addresses": addresses.one_per_family(found, f"interface {port}")}


def _numbers(*names: str) -> Check:
    def check(value: Any) -> dict[str, int]:
        if not isinstance(value, dict) or set(value) - set(names):
            raise ValueError(f"{value!r} is no mapping of {', '.join(names)} to numbers")
        return {str(key): _number(1, 10_000_000)(number) for key, number in value.items()}

    return check


def _tag(value: Any) -> str:
    if not isinstance(value, str) or not TAG.fullmatch(value):
        raise ValueError(f"{value!r} is no tag; write letters, digits and _.:- , 60 at most")
    return value


_TAGS = Field(_list(_tag), unordered=True)
_PREFIXES = _list(_textual(addresses.parse_prefix))
FIELDS: Mapping[Kind, Mapping[str, Field]] = {
    "cell": {
        "kind": Field(_choice("main", "sub")),
        "asn": Field(_number(1, 4_294_967_295)),
        "nova_cell_uuid": Field(_uuid),
        "prefixes": Field(_PREFIXES, unordered=True),
        "drift_policy": Field(_choice("repair", "ignore", "adopt")),
        "description": Field(_text),
        "tags": _TAGS,
    },
    # A password is not among these: a file is no place for it.
    "profile": {
        "hold_time": Field(_number(3, 65535)),
        "graceful_restart_time": Field(_number(0, 4095)),
        "hold_down": Field(_number(0, 3600, whole=False)),
        "health_interval": Field(_number(0.1, 3600, whole=False)),
        "bfd": Field(_numbers("min_tx_ms", "min_rx_ms", "multiplier")),
        "prefix_limits": Field(_numbers("ipv4", "ipv6")),
        "drain_method": Field(_choice("auto", "gshut", "med", "local-pref", "withdraw")),
        "is_default": Field(_flag),
        "description": Field(_text),
        "tags": _TAGS,
    },
    "endpoint": {
        "cell": Field(_text),
        "gateway": Field(name),
        "interfaces": Field(_list(_port, 1)),
        "asn": Field(_number(1, 4_294_967_295)),
        "prefixes": Field(_list(_textual(addresses.parse_prefix), 1), unordered=True),
        "health_check_addresses": Field(_list(_textual(addresses.parse_address)), unordered=True),
        "description": Field(_text),
        "tags": _TAGS,
    },
    "connection": {
        "local_endpoint": Field(name),
        "remote_endpoint": Field(name),
        "families": Field(_list(_choice("ipv4", "ipv6"), 1), unordered=True),
        "profile": Field(name),
        "hold_time": Field(_number(3, 65535)),
        "graceful_restart_time": Field(_number(0, 4095)),
        "hold_down": Field(_number(0, 3600, whole=False)),
        "enabled": Field(_flag),
        "description": Field(_text),
        "tags": _TAGS,
    },
}
REQUIRED: Mapping[Kind, tuple[str, ...]] = {
    "cell": (),
    "profile": (),
    "endpoint": ("cell",),
    "connection": ("local_endpoint", "remote_endpoint"),
}


def same(kind: Kind, field: str, said: Any, has: Any) -> bool:
    """Whether what is said of a field is so already. A port without addresses says nothing of them."""
    if field == "interfaces":
        return len(said) == len(has) and all(
            mine["interface"] == theirs["interface"]
            and ("addresses" not in mine or set(mine["addresses"]) == set(theirs["addresses"]))
            for mine, theirs in zip(said, has, strict=True)
        )
    if FIELDS[kind][field].unordered:
        return set(said) == set(has)
    return bool(said == has)
