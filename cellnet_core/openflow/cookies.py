"""Cookies: who owns a flow.

A flow without an owner does not stay: every flow of ours carries a cookie of one of these spaces, and what
carries any other cookie in our bridge was put there by somebody else. The upper 32 bits name the space, the
lower 32 bits say more within it. Numbers only; nothing here decides what becomes of a flow.
"""

from __future__ import annotations

from typing import Final

SPACE_MASK: Final = 0xFFFF_FFFF_0000_0000

BASE: Final = 0xCE11_0001_0000_0000
"""Base flows: a pure function of the site, there before any controller."""
ROUTING: Final = 0xCE11_0002_0000_0000
"""Routing flows that need no group: own addresses, hosts, local prefixes."""
GROUP: Final = 0xCE11_0003_0000_0000
"""Routing flows into a group; the lower bits are the group's id."""

_SPACES: Final = {BASE: "base", ROUTING: "routing", GROUP: "group"}


def space_of(cookie: int) -> str | None:
    """The name of the space a cookie belongs to; None for a cookie that is not ours."""
    return _SPACES.get(cookie & SPACE_MASK)


def of_group(group_id: int) -> int:
    """The cookie of flows into that group."""
    return GROUP | group_id
