"""On whose behalf something is done: known to the request, and to every change made for it.

A context variable and not an argument of every service: a service that forgot to hand it on would leave
changes that nobody made. Threads that serve a request inherit it.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what for."""

    user: str
    roles: tuple[str, ...]
    method: str
    path: str
    request_id: str


CALLER: ContextVar[Caller | None] = ContextVar("cellnet_caller", default=None)
"""None: the manager itself, such as its monitor, or cells of its configuration."""
