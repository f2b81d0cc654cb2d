"""Where labs come from: the protocol, and the one that starts real labs on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from cellnet_core.client import Client
from scenarios.plugin import traces
from scenarios.plugin.traces import Traces
from scenarios.plugin.wishes import Wish, fault_words
from simulator import doctor, lab
from simulator.captures import Capture, keeping
from simulator.client import LabClient


class Factory(Protocol):
    """What the plugin needs to be told about the machine and its labs."""

    def refusals(self) -> Mapping[str, str]:
        """Capability to the reason why this machine has it not, for all that it has not."""
        ...

    def start(self, wish: Wish, name: str) -> LabClient:
        """A lab, all services ready. Raises LabError and its kinds; doctor's refusal if none can run here."""
        ...

    def api(self, client: LabClient) -> Client:
        """The API of the lab's manager; the caller closes it."""
        ...

    def traces(self, client: LabClient) -> Traces:
        """What the lab's sandbox holds now, for the leak audit."""
        ...

    def record(self, client: LabClient, what: Sequence[str]) -> Capture | None:
        """A capture that runs as long as the lab, in bounded space; None if these labs have no packets."""
        ...


class Labs:
    """Real labs."""

    def refusals(self) -> Mapping[str, str]:
        """As the doctor found it by trying (half a second)."""
        refused = {}
        for finding in doctor.checks():
            if not finding.ok:
                reason = f"{finding.name}: {finding.detail}; {finding.remedy}"
                refused[finding.name] = reason
                refused.update(dict.fromkeys(fault_words(finding.needed_for), reason))
        return refused

    def start(self, wish: Wish, name: str) -> LabClient:
        return lab.up(wish.topology, name=name, controller=wish.controller)

    def api(self, client: LabClient) -> Client:
        return Client.unix(str(client.manager_socket))

    def traces(self, client: LabClient) -> Traces:
        return traces.of_lab(client)

    def record(self, client: LabClient, what: Sequence[str]) -> Capture | None:
        return keeping.keep(client, what)
