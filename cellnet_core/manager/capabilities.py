"""What drivers say they cannot do is refused, with the reason; what they do not mention is left to agents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cellnet_core.manager.errors import ConflictError
from cellnet_core.store import agents
from cellnet_core.store.records import BfdRecord, EndpointRecord, Family, ProfileRecord
from cellnet_core.store.session import Session


def check_families(session: Session, end: EndpointRecord, families: Iterable[Family]) -> None:
    """Raises ConflictError when a driver of that end lacks a family."""
    for family in families:
        for driver, reason in _lacking(session, end, family):
            raise ConflictError(
                "driver.capability_missing",
                f"driver {driver} of {end.place} cannot do {family}: {reason}; "
                f"leave {family} out of families",
            )


def check_password(session: Session, *ends: EndpointRecord) -> None:
    """Raises ConflictError when a speaker of these ends cannot sign its sessions."""
    for end in ends:
        for driver, reason in _lacking(session, end, "md5"):
            raise ConflictError(
                "driver.capability_missing",
                f"driver {driver} of {end.place} cannot do md5: {reason}; use a profile without password",
            )


def check_bfd_timers(session: Session, bfd: BfdRecord, *ends: EndpointRecord) -> None:
    """Raises ConflictError unless a driver of each end says that it takes these timers: silence is a no."""
    for end in ends:
        agent = agents.find(session, end.agent)
        inventory = {} if agent is None or agent.inventory is None else agent.inventory
        known = inventory.get("capabilities", {})
        able = [driver for driver, words in known.items() if words.get("bfd_timers") is True]
        if able:
            for driver in able:
                _check_ranges(bfd, driver, end, inventory.get("ranges", {}).get(driver, {}))
            continue
        reasons = [str(words["bfd_timers"]) for words in known.values() if words.get("bfd_timers")]
        raise ConflictError(
            "driver.capability_missing",
            f"no driver of {end.place} takes BFD timers from a profile"
            + (f" ({'; '.join(reasons)})" if reasons else "")
            + ": set them in its site file, and leave bfd out of the profile",
        )


def _check_ranges(
    bfd: BfdRecord, driver: str, end: EndpointRecord, ranges: Mapping[str, Sequence[int]]
) -> None:
    for name in ("min_tx_ms", "min_rx_ms", "multiplier"):
        least, most = ranges.get(f"bfd_{name}", (None, None))
        value = getattr(bfd, name)
        if least is not None and most is not None and not least <= value <= most:
            raise ConflictError(
                "driver.out_of_range",
                f"driver {driver} of {end.place} takes a BFD {name} of {least} to {most}, not {value}: "
                "choose one of these in the profile",
            )


def check_profile(session: Session, profile: ProfileRecord, *ends: EndpointRecord) -> None:
    """Everything that a profile asks of drivers. Raises ConflictError."""
    if profile.password is not None:
        check_password(session, *ends)
    if profile.bfd is not None:
        check_bfd_timers(session, profile.bfd, *ends)


def _lacking(session: Session, end: EndpointRecord, word: str) -> list[tuple[str, str]]:
    """(driver, reason) of each driver that says no."""
    agent = agents.find(session, end.agent)
    if agent is None or agent.inventory is None:
        return []
    return [
        (driver, str(answer or "no reason given"))
        for driver, words in agent.inventory.get("capabilities", {}).items()
        if (answer := words.get(word, True)) is not True
    ]
