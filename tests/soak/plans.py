"""Random steps, drawn from a seed: orders to the manager and faults, at odd moments. Pure.

A step is a value that can be printed and carried out again. The same seed and topology give the same steps,
whatever the lab does meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.soak.sabotage import ON_GATEWAY
from tests.soak.world import Pair

ROLES = ("agent", "speaker", "controller", "manager", "switch", "ovsdb")


@dataclass(frozen=True, slots=True)
class Act:
    """Something done `at` seconds after the step began. `what` is a method of `acts.Acts`."""

    at: float
    what: str
    arguments: tuple[Any, ...]

    def __str__(self) -> str:
        return f"{self.at:.2f}s {self.what}{self.arguments!r}"


@dataclass(frozen=True, slots=True)
class Setting:
    """What there is to break."""

    pairs: tuple[Pair, ...]
    fibres: tuple[str, ...]
    services: tuple[str, ...]
    gateways: tuple[str, ...]
    nodes: tuple[str, ...]
    """Nodes on the management network."""


def step(random: Random, setting: Setting, wanted: frozenset[Pair]) -> tuple[Act, ...]:
    """One step: some orders, one to three kinds of trouble around them, in order of time."""
    acts: list[Act] = []
    for pair in random.sample(setting.pairs, random.randint(0, min(3, len(setting.pairs)))):
        if pair in wanted and random.random() < 0.5:
            continue  # most trouble shall meet connections, and not their absence
        order = "disconnect" if pair in wanted else "connect"
        acts.append(Act(round(random.uniform(0, 2), 2), order, (pair,)))
    # Somebody changes his mind in the middle.
    if acts and random.random() < 0.25:
        first = acts[0]
        other = "connect" if first.what == "disconnect" else "disconnect"
        acts.append(Act(round(first.at + random.uniform(0.05, 2), 2), other, first.arguments))
    acts += [
        Act(round(random.uniform(0, 4), 2), "change", (pair, _fields(random)))
        for pair in random.sample(setting.pairs, random.randint(0, min(2, len(setting.pairs))))
    ]
    if random.random() < 0.4:
        cell = random.randrange(len(setting.gateways))
        acts.append(Act(round(random.uniform(0, 4), 2), "announce", (cell, _prefixes(random, cell))))
    # Gone and back as fast as the manager takes it, again and again.
    if random.random() < 0.2:
        pair, at = random.choice(setting.pairs), random.uniform(0, 2)
        for _ in range(random.randint(2, 4)):
            acts += [Act(round(at, 2), "disconnect", (pair,)), Act(round(at + 0.01, 2), "connect", (pair,))]
            at += random.uniform(0.02, 0.5)
    for _ in range(random.randint(1, 3)):
        acts += _trouble(random, setting)
    return tuple(sorted(acts, key=lambda act: act.at))


def wanted_after(acts: Sequence[Act], wanted: frozenset[Pair]) -> frozenset[Pair]:
    """The connections that are wanted once these acts are done."""
    result = set(wanted)
    for act in acts:
        if act.what == "connect":
            result.add(act.arguments[0])
        elif act.what == "disconnect":
            result.discard(act.arguments[0])
    return frozenset(result)


def _fields(random: Random) -> dict[str, Any]:
    """Some fields of a connection, each with another value."""
    drawn: dict[str, Any] = {
        "hold_time": random.choice((6, 9, 12)),
        "graceful_restart_time": random.choice((0, 15, 30)),
        "hold_down": random.choice((0.0, 1.0, 3.0)),
        "enabled": random.random() < 0.7,
        "families": random.choice((["ipv4"], ["ipv6"], ["ipv4", "ipv6"], ["ipv4", "ipv6"])),
        "description": f"drawn {random.randrange(1000)}",
        "tags": random.choice(([], ["one"], ["one", "two"])),
    }
    return {name: drawn[name] for name in random.sample(sorted(drawn), random.randint(1, 3))}


def _prefixes(random: Random, cell: int) -> tuple[str, ...]:
    """Prefixes that a cell gets beside its own; none takes them back."""
    count = random.choice((0, 1, 2, 20))
    both = ((f"10.{200 + cell}.{n}.0/24", f"fdce:12:{cell + 1:x}:{n:x}::/64") for n in range(1, count + 1))
    return tuple(prefix for pair in both for prefix in pair)


def _trouble(random: Random, setting: Setting) -> list[Act]:
    at = round(random.uniform(0, 3), 2)
    seconds = random.choice((0.1, 0.3, 1.0, 2.5, 4.0, 8.0, 12.0, 15.0))
    match random.choice(
        ("kill", "kill", "kill again", "freeze", "fibres", "all fibres", "flap", "partition", "hand")
    ):
        case "kill":
            return [Act(at, "kill", tuple(_services(random, setting, random.choice((1, 2, 2, 3)))))]
        case "kill again":
            victim = _services(random, setting, 1)
            return [Act(round(at + n * random.uniform(0.1, 1.5), 2), "kill", tuple(victim)) for n in range(3)]
        case "freeze":
            return [Act(at, "freeze", (name, seconds)) for name in _services(random, setting, 2)]
        case "fibres":
            return [
                Act(round(at + random.uniform(0, 1), 2), "fault", (_fibre(random, name), min(seconds, 8.0)))
                for name in random.sample(setting.fibres, min(2, len(setting.fibres)))
            ]
        case "all fibres":
            kind = random.choice(("cut", "blackhole"))
            return [Act(at, "fault", ({"kind": kind, "link": name}, seconds)) for name in setting.fibres]
        case "flap":
            train = {"kind": "flap", "link": random.choice(setting.fibres), "period_s": 0.6, "count": 10}
            train |= {"mode": random.choice(("cut", "blackhole")), "seed": random.randrange(1000)}
            return [Act(at, "fault", (train, 6.5))]
        case "partition":
            return [
                Act(at, "fault", ({"kind": "partition", "nodes": [random.choice(setting.nodes)]}, seconds))
            ]
        case _:
            return [Act(at, "spoil", (random.choice(setting.gateways), random.choice(sorted(ON_GATEWAY))))]


def _services(random: Random, setting: Setting, count: int) -> list[str]:
    roles = random.choices(ROLES, k=count)
    return sorted({random.choice([s for s in setting.services if s.startswith(f"{r}@")]) for r in roles})


def _fibre(random: Random, link: str) -> dict[str, Any]:
    match random.choice(("cut", "blackhole", "oneway", "loss")):
        case "oneway":
            return {"kind": "oneway", "link": link, "direction": random.choice(("a-to-b", "b-to-a"))}
        case "loss":
            return {"kind": "loss", "link": link, "percent": random.choice((1, 10, 30, 60))}
        case kind:
            return {"kind": kind, "link": link}
