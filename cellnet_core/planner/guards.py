"""Which intent is taken: an agent distrusts an intent that would wipe out what it has. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from cellnet_core.model import lineage
from cellnet_core.model.wire import WIRE_VERSION, IntentDocument

CONFIRM = (
    "the agent keeps what it has; if the new state is meant, confirm it: cellnet agent confirm CELL GATEWAY"
)


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

    Refused, unless an operator confirmed it: an older generation of the same owner; one that does not
    follow from the intent in force; one of another owner where connections are in force; and an empty one
    where connections are in force that never went through phase "absent". A manager whose database was
    lost, put back or replaced must not cut the cloud.
    """
    if current is not None and lineage.position(current) != incoming.supersedes:
        refused = _refused(current, incoming)
        if refused is not None:
            return Verdict(current, accepted=False, reason=refused[0], message=refused[1])
    if incoming.wire_version > WIRE_VERSION:
        return Verdict(
            incoming,
            accepted=True,
            reason="WireVersionAhead",
            message=f"the manager speaks version {incoming.wire_version}, this agent {WIRE_VERSION}: "
            "what only the newer version says is not done; upgrade the agent",
        )
    return Verdict(incoming, accepted=True)


def _refused(current: IntentDocument, incoming: IntentDocument) -> tuple[str, str] | None:
    """Reason and message; None when the incoming intent may be taken."""
    at = lineage.position(current)
    has = f"generation {current.generation} in force"
    lost = sorted(c.name for c in current.connections if c.phase == "present")
    if incoming.owner != current.owner:
        if lost:
            text = (
                f"intent {incoming.generation} is from manager {incoming.owner}, {', '.join(lost)} are in "
                f"force for {current.owner}: was the database replaced? {CONFIRM}"
            )
            return "OwnerChanged", text
    elif incoming.generation < current.generation:
        text = f"generation {incoming.generation} is older than {has}: was the database put back? {CONFIRM}"
        return "IntentOutdated", text
    elif not lineage.on_line(incoming.lineage, incoming.generation, at.term, at.generation):
        text = (
            f"generation {incoming.generation} does not follow from {has}: the database was put back and "
            f"changed since; {CONFIRM}"
        )
        return "IntentDiverged", text
    if not incoming.connections and lost and not incoming.confirmed_empty:
        text = (
            f"intent {incoming.generation} names no connection, but {', '.join(lost)} never went through "
            "phase absent; delete the connections, or send the intent with confirmed_empty"
        )
        return "EmptyIntentRefused", text
    return None
