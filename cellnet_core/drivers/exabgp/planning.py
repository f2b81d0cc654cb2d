"""What to change at ExaBGP: a pure comparison of intent and observation.

Neighbours are known by their peer address (ExaBGP has one session per peer address); names are for people.
Also translates between the contract's values and the `bgp` package's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from bgp import model
from bgp.commands import Advertisement
from cellnet_core.drivers.contract import Action, Announcement, Neighbor, SpeakerIntent, SpeakerObservation

DRIVER = "exabgp"

# Positions in the contract's sequence. End-of-RIB comes right after the announcements it closes.
ORDER_NEIGHBOR = 10
ORDER_ANNOUNCE = 30
ORDER_END_OF_RIB = 31
ORDER_ONCE = 50
ORDER_WITHDRAW = 60
ORDER_REMOVE = 70


@dataclass(frozen=True, slots=True)
class ExaBgpObservation(SpeakerObservation):
    """The contract's observation, and what only this driver's plan reads."""

    configured: tuple[model.Neighbor, ...] = ()
    """The neighbours with all that ExaBGP's configuration holds."""
    end_of_rib_due: tuple[str, ...] = ()
    """Peer addresses of established sessions that have not been told End-of-RIB yet."""


@dataclass(frozen=True, slots=True)
class SetNeighbor:
    """Configure a neighbour, new or changed."""

    neighbor: model.Neighbor


@dataclass(frozen=True, slots=True)
class RemoveNeighbor:
    """Take a neighbour out of the configuration."""

    peer_address: str


@dataclass(frozen=True, slots=True)
class Announce:
    """Announce, or announce again with other attributes. `problem` says why it cannot be done."""

    advertisement: Advertisement
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Withdraw what is announced."""

    advertisement: Advertisement


@dataclass(frozen=True, slots=True)
class SendEndOfRib:
    """Tell a peer that all has been announced, for each family of the session."""

    peer_address: str
    families: tuple[model.Family, ...]


@dataclass(frozen=True, slots=True)
class Refresh:
    """Ask a peer to send its routes again, for each family of the session."""

    peer_address: str
    families: tuple[model.Family, ...]


@dataclass(frozen=True, slots=True)
class Reset:
    """End a session; it comes up again by itself."""

    peer_address: str


Payload = SetNeighbor | RemoveNeighbor | Announce | Withdraw | SendEndOfRib | Refresh | Reset


def plan(desired: SpeakerIntent, observed: SpeakerObservation) -> tuple[Action, ...]:
    """The contract's `plan`: add and change, announce, End-of-RIB, withdraw, remove; each sorted by name."""
    if not observed.fresh:
        return ()
    wanted = {
        one.peer_address: one for one in (to_model(item, desired.router_id) for item in desired.neighbors)
    }
    present = {one.peer_address: one for one in _configured(observed, desired.router_id)}
    address_of = {one.name: one.peer_address for one in (*present.values(), *wanted.values())}
    announced = _by_key(observed.announced, {one.name: one.peer_address for one in present.values()})
    desired_announcements = _by_key(desired.announcements, address_of)

    actions: list[Action] = []
    changed: set[str] = set()
    for address, neighbor in sorted(wanted.items(), key=lambda item: item[1].name):
        current = present.get(address)
        if current == neighbor:
            continue
        changed.add(address)
        verb, reason = (
            ("add", "not configured") if current is None else ("modify", _difference(current, neighbor))
        )
        actions.append(
            Action(DRIVER, verb, f"neighbor {neighbor.name}", reason, ORDER_NEIGHBOR, SetNeighbor(neighbor))
        )
    for (address, prefix), announcement in sorted(desired_announcements.items()):
        advertisement = to_advertisement(announcement, address)
        current_one = announced.get((address, prefix))
        if current_one is not None and to_advertisement(current_one, address) == advertisement:
            continue
        problem = _problem(announcement, wanted.get(address))
        verb, reason = ("add", "not announced") if current_one is None else ("modify", "other attributes")
        target = f"announcement {announcement.neighbor} {prefix}"
        actions.append(
            Action(DRIVER, verb, target, problem or reason, ORDER_ANNOUNCE, Announce(advertisement, problem))
        )
    actions += _end_of_rib(observed, wanted, changed)
    for (address, prefix), announcement in sorted(announced.items()):
        if (address, prefix) not in desired_announcements:
            target = f"announcement {announcement.neighbor} {prefix}"
            withdrawal = Withdraw(to_advertisement(announcement, address))
            actions.append(Action(DRIVER, "remove", target, "not wanted", ORDER_WITHDRAW, withdrawal))
    for address, neighbor in sorted(present.items(), key=lambda item: item[1].name):
        if address not in wanted:
            target = f"neighbor {neighbor.name}"
            actions.append(
                Action(DRIVER, "remove", target, "not wanted", ORDER_REMOVE, RemoveNeighbor(address))
            )
    return tuple(actions)


def order(kind: Literal["refresh", "reset"], neighbors: Iterable[Neighbor]) -> tuple[Action, ...]:
    """The contract's `order`."""
    return tuple(
        Action(
            DRIVER,
            "modify",
            f"session {neighbor.name}",
            f"{kind} was asked for",
            ORDER_ONCE,
            Reset(_canonical_address(neighbor.peer_address))
            if kind == "reset"
            else Refresh(
                _canonical_address(neighbor.peer_address),
                tuple(family for family in model.FAMILIES if family in neighbor.families),
            ),
            routine=True,
        )
        for neighbor in neighbors
    )


def to_model(neighbor: Neighbor, router_id: str) -> model.Neighbor:
    """The contract's neighbour as the `bgp` package's."""
    return model.Neighbor(
        name=neighbor.name,
        local_address=_canonical_address(neighbor.local_address),
        peer_address=_canonical_address(neighbor.peer_address),
        local_as=neighbor.local_as,
        peer_as=neighbor.peer_as,
        router_id=router_id,
        passive=neighbor.passive,
        families=tuple(family for family in model.FAMILIES if family in neighbor.families),
        hold_time=neighbor.hold_time,
        graceful_restart_time=neighbor.graceful_restart_time,
        interface=neighbor.interface,
        password=neighbor.password,
    )


def to_contract(neighbor: model.Neighbor) -> Neighbor:
    """The `bgp` package's neighbour as the contract's (which has the router id elsewhere)."""
    return Neighbor(
        name=neighbor.name,
        local_address=neighbor.local_address,
        peer_address=neighbor.peer_address,
        local_as=neighbor.local_as,
        peer_as=neighbor.peer_as,
        passive=neighbor.passive,
        families=neighbor.families,
        hold_time=neighbor.hold_time,
        graceful_restart_time=neighbor.graceful_restart_time,
        interface=neighbor.interface,
        password=neighbor.password,
    )


def to_advertisement(announcement: Announcement, peer_address: str) -> Advertisement:
    """An announcement in the one spelling that compares; what cannot be read is left as it is."""
    try:
        communities = model.canonical_communities(announcement.communities)
    except ValueError:
        communities = announcement.communities
    return Advertisement(
        peer_address=peer_address,
        prefix=_canonical_prefix(announcement.prefix),
        next_hop=_canonical_address(announcement.next_hop),
        med=announcement.med,
        communities=communities,
    )


def _configured(observed: SpeakerObservation, router_id: str) -> Iterable[model.Neighbor]:
    if isinstance(observed, ExaBgpObservation):
        return observed.configured
    return [to_model(neighbor, router_id) for neighbor in observed.neighbors]


def _by_key(
    announcements: Iterable[Announcement], address_of: Mapping[str, str]
) -> dict[tuple[str, str], Announcement]:
    """By peer address and prefix; an unknown neighbour stands under its own name."""
    return {
        (address_of.get(one.neighbor, one.neighbor), _canonical_prefix(one.prefix)): one
        for one in announcements
    }


def _end_of_rib(
    observed: SpeakerObservation, wanted: Mapping[str, model.Neighbor], changed: set[str]
) -> list[Action]:
    """One for each established session that waits for it; not where the session is about to start anew."""
    due = observed.end_of_rib_due if isinstance(observed, ExaBgpObservation) else ()
    neighbors = [wanted[address] for address in due if address in wanted and address not in changed]
    return [
        Action(
            DRIVER,
            "add",
            f"end-of-rib {neighbor.name}",
            "session is new",
            ORDER_END_OF_RIB,
            SendEndOfRib(neighbor.peer_address, neighbor.families),
            routine=True,
        )
        for neighbor in sorted(neighbors, key=lambda neighbor: neighbor.name)
    ]


def _problem(announcement: Announcement, neighbor: model.Neighbor | None) -> str | None:
    """Why an announcement cannot be made; ExaBGP itself would drop most of these in silence."""
    if neighbor is None:
        return f"no neighbor {announcement.neighbor!r} in the intent"
    try:
        family = model.family_of(model.canonical_prefix(announcement.prefix))
        next_hop_family = model.family_of(model.canonical_address(announcement.next_hop))
        model.canonical_communities(announcement.communities)
    except ValueError as error:
        return str(error)
    if family not in neighbor.families:
        return f"the session {neighbor.name!r} does not carry {family}"
    if next_hop_family != family:
        return f"next hop {announcement.next_hop} is not of the family of {announcement.prefix}"
    return None


def _difference(current: model.Neighbor, wanted: model.Neighbor) -> str:
    fields = model.Neighbor.__dataclass_fields__
    names = [name for name in fields if getattr(current, name) != getattr(wanted, name)]
    return "other " + ", ".join(name.replace("_", " ") for name in names)


def _canonical_prefix(text: str) -> str:
    try:
        return model.canonical_prefix(text)
    except ValueError:
        return text


def _canonical_address(text: str) -> str:
    try:
        return model.canonical_address(text)
    except ValueError:
        return text
