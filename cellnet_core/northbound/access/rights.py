"""For routes whose rule depends on more than the address, such as which action a body asks for."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Request

from cellnet_core.manager.errors import ForbiddenError
from cellnet_core.northbound.access.policies import PREFIX


def require(request: Request, rule: str, target: Mapping[str, str]) -> None:
    """Ask the policy for this rule of `access/policies.py`. Raises ForbiddenError."""
    name = f"{PREFIX}:{rule}"
    identity = request.state.identity
    if not request.app.state.allows(name, identity, target):
        raise ForbiddenError("access.forbidden", f"{identity.user} may not do this: the policy has {name}")
