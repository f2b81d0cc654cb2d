"""Brings BFD sessions back at once, where RFC 5880 lets a session that is down take one to three seconds.

While a session is not up its ends may speak once a second only (section 6.8.3), and three packets have to
pass. A session that is configured anew speaks at once, and so does one whose timers change (a poll sequence,
section 6.5). Nothing else is changed: both ends have their configuration of before at the end. For a lab
between two tests only; what is being tested must find its sessions by itself.

Each program that is started costs as much as a packet: all ports of a switch are changed by one call, and
Open vSwitch itself tells when a session is up (`ovs-vsctl wait-until`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor

from simulator.client import LabClient
from simulator.view import LabView
from topologies.model import LinkKind

Ports = frozenset[tuple[str, str]]
"""As (node, port)."""
UP_SECONDS = 1
"""So long sessions are waited for before they are woken again. With free processors they need some 20 ms."""
CHANGE_SECONDS = 5
"""So long a switch may take to do what its database says."""
_AT_ONCE = 4


def revive(client: LabClient, view: LabView, silent: Collection[tuple[str, str]]) -> Ports:
    """Wake the sessions of these (node, port), at both ends of their links. Raises LabError.

    Returns the ports whose sessions came up. A peer that is no Open vSwitch takes its own time.
    """
    work = _work(view, silent)
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="cellnet-bfd") as pool:
        list(pool.map(lambda one: _run(client, one[0], anew(one[1])), work))
        told = pool.map(lambda one: _run(client, one[0], awake(one[1])), work)
        return frozenset(
            (node, port) for (node, _), text in zip(work, told, strict=True) for port in text.split()
        )


def anew(ports: Sequence[str]) -> str:
    """The command that makes the sessions of a switch anew: each speaks at once."""
    return " && ".join(_set([(port, f"bfd:enable={value}") for port in ports]) for value in ("false", "true"))


def awake(ports: Sequence[str]) -> str:
    """The command that has the sessions speak once more, and prints the ports whose session then comes up.

    The first change lets the end that heard its peer tell it so. The second one, back to what was, does it
    again where that had been too early.
    """
    timers = " -- ".join(f"get interface {port} bfd:min_tx" for port in ports)
    polls = [
        _set([(port, f"bfd:min_tx={form.format(number)}") for number, port in enumerate(ports, 1)])
        for form in ("$((${{{}}} + 1))", "${{{}}}")
    ]
    until = f"ovs-vsctl --timeout={UP_SECONDS} wait-until interface"
    waits = [f"{{ {until} {port} bfd_status:state=up && echo {port}; }} &" for port in ports]
    read = f"set -- $(ovs-vsctl --timeout={CHANGE_SECONDS} {timers} | tr -d '\"')"
    return f"{read}; [ $# -eq {len(ports)} ] || exit 1; {' && '.join(polls)}; {' '.join(waits)} wait"


def _set(values: Sequence[tuple[str, str]]) -> str:
    changes = " -- ".join(f"set interface {port} {value}" for port, value in values)
    return f"ovs-vsctl --timeout={CHANGE_SECONDS} {changes}"


def _work(view: LabView, silent: Collection[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """The ports to wake, by node."""
    switched = {service.node for service in view.services if service.name.startswith("switch@")}
    found: dict[str, list[str]] = {}
    for link in view.links:
        ends = [(end.node, end.name) for end in (link.a, link.b)]
        if link.kind is LinkKind.WAN and any(end in silent for end in ends):
            for node, port in ends:
                if node in switched:
                    found.setdefault(node, []).append(port)
    return list(found.items())


def _run(client: LabClient, node: str, script: str) -> str:
    return client.exec(node, ["sh", "-c", script]).stdout
