"""Which intent is taken: an agent distrusts an intent that would wipe out what it has. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from cellnet_core.model.wire import WIRE_VERSION, IntentDocument


@dataclass(frozen=True, slots=True)
class Verdict:
    """The intent that is in force from now on, and what has to be said about the one that came in."""

    intent: IntentDocument
    accepted: bool
    reason: str = ""
    """CamelCase word; empty when there is nothing to say."""
    message: str = ""


def accept(current: IntentDocument | None, incoming: IntentDocument) -> Verdict:
    """Take the incoming intent, or stay with the current one and say why.

    Refused are an older generation of the same owner, and an empty intent where connections are in force that
    neither went through phase "absent" nor are confirmed gone: a manager that lost its database must not
    cut the cloud.
    """
    if current is not None:
        if incoming.owner == current.owner and incoming.generation < current.generation:
            return Verdict(
                current,
                accepted=False,
                reason="IntentOutdated",
                message=f"generation {incoming.generation} is older than {current.generation} in force; "
                "it stays in force until the manager has a newer one",
            )
        lost = sorted(c.name for c in current.connections if c.phase == "present")
        if not incoming.connections and lost and not incoming.confirmed_empty:
            return Verdict(
                current,
                accepted=False,
                reason="EmptyIntentRefused",
                message=f"intent {incoming.generation} names no connection, but {', '.join(lost)} never went "
                "through phase absent; delete the connections, or send the intent with confirmed_empty",
            )
    if incoming.wire_version > WIRE_VERSION:
        return Verdict(
            incoming,
            accepted=True,
            reason="WireVersionAhead",
            message=f"the manager speaks version {incoming.wire_version}, this agent {WIRE_VERSION}: "
            "what only the newer version says is not done; upgrade the agent",
        )
    return Verdict(incoming, accepted=True)
