"""Calls about profiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cellnet_core.client import values
from cellnet_core.client.transport import Transport, quoted
from cellnet_core.client.values import Profile


class ProfileCalls(Transport):
    """Part of the client."""

    def profiles(self, **filters: str) -> tuple[Profile, ...]:
        """All profiles, by name."""
        return tuple(self._all(Profile, "profiles", filters))

    def profile(self, reference: str) -> Profile:
        """One profile by id or name."""
        return values.read(Profile, self._one("GET", f"/v1/profiles/{quoted(reference)}", "profile"))

    def create_profile(self, name: str, **fields: Any) -> Profile:
        """Make a profile; `fields` as in the API."""
        body = {"profile": {"name": name, **fields}}
        return values.read(Profile, self._one("POST", "/v1/profiles", "profile", body))

    def modify_profile(
        self, reference: str, changes: Mapping[str, Any], revision: int | None = None
    ) -> Profile:
        """Some of a profile, if it is at that revision still (else 412); the rest stays."""
        path, body = f"/v1/profiles/{quoted(reference)}", {"profile": dict(changes)}
        return values.read(Profile, self._one("PATCH", path, "profile", body, revision))

    def delete_profile(self, reference: str, revision: int | None = None) -> None:
        """Forget a profile that no connection names."""
        self.delete("profiles", reference, revision)
