"""Microversions: which there are, which one this request speaks, and what that leaves out.

What is new is absent below its version: fields are neither shown nor known, addresses are 404.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from fastapi import Depends

from cellnet_core.manager.errors import NotFoundError

Version = tuple[int, int]
MIN_VERSION: Version = (1, 1)
MAX_VERSION: Version = (1, 2)
"""Every change that a client can see raises the second number."""
SPOKEN: ContextVar[Version] = ContextVar("cellnet_api_version", default=MAX_VERSION)
"""What the request speaks; outside of one (a configuration file) the newest."""


def text(version: Version) -> str:
    """A version as it is written: "1.1"."""
    return f"{version[0]}.{version[1]}"


def speaks(version: Version) -> bool:
    """Whether this request knows what that version brought."""
    return SPOKEN.get() >= version


def since(version: Version, **fields: Any) -> dict[str, Any]:
    """These fields of an answer, where they are known."""
    return fields if speaks(version) else {}


def only_since(version: Version) -> Any:
    """For routes that came with a version: below it there is no such address."""

    async def check() -> None:
        if not speaks(version):
            raise NotFoundError(
                "request.unknown_address",
                f"this address came with version {text(version)}, the request speaks {text(SPOKEN.get())}: "
                f"ask for it by OpenStack-API-Version: cell-network {text(version)}",
            )

    return Depends(check)
