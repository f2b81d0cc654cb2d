"""Who a request comes from. Values only."""

from __future__ import annotations

from dataclasses import dataclass

IMPLIED = {
    "admin": ("manager", "member", "reader"),
    "manager": ("member", "reader"),
    "member": ("reader",),
}
"""A role, and those that it includes (as Keystone's implied roles do)."""
ROLES = ("admin", "manager", "member", "reader", "peer")
AGENT = "agent"
"""The role of an agent on its own two addresses; no token has it."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller. `connections`: those that a peer may see, by id or name as its token says."""

    user: str
    roles: tuple[str, ...]
    connections: tuple[str, ...] = ()
    cell: str = ""
    """Of an agent, as the address of its request names it."""
    gateway: str = ""


def expand(roles: tuple[str, ...]) -> tuple[str, ...]:
    """The roles with those that they include, in a fixed order."""
    all_ = set(roles).union(*(IMPLIED.get(role, ()) for role in roles))
    return tuple(role for role in ROLES if role in all_)


EVERYBODY = Identity("", ())
"""Somebody who said nothing: may see which versions there are."""
LOCAL = Identity("unix", expand(("admin",)))
"""Who may open the manager's unix socket (mode 600)."""
ANONYMOUS = Identity("anonymous", expand(("admin",)))
"""Who comes by TCP where no tokens are configured: a lab."""
