"""Inside the sandbox: installed by hand, connected, restarted; the others on the switch notice nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

from tests.daemon.deploy.hosts import (
    PROGRAMS,
    Gateway,
    Machine,
    certificates,
    site,
    wire,
    write,
)
from tests.daemon.openflow.world import Node, host4, host6, until

PASSWORD = "p1anted-Pa55word"
"""Of the BGP sessions."""
MADE_FOR_SECRETS = frozenset({"tokens", "enrolment.token", "credential.json", "agent.secret"})
MADE_FOR_PASSWORDS = frozenset({"manager.db", "manager.db-wal", "intent.json", "exabgp.conf"})


class Deployment:
    """The machines, and what an operator types."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="deploy-"))
        self.manager = Machine("manager", self.directory)
        self.gateways = (Gateway("main", 1, self.directory), Gateway("east", 2, self.directory))
        self.hosts = (Node("main-h1"), Node("east-h1"))
        self.addresses = wire(self.manager, self.gateways, self.hosts)
        certificates(self.directory, *self.addresses)
        self.secrets: dict[str, str] = {}
        self.before = [gateway.foreign() for gateway in self.gateways]

    def cellnet(self, *arguments: str, token: str | None = None, stdin: str | None = None) -> str:
        """A command on the manager's machine: by its socket, or with a token by https."""
        environment = os.environ | {"CELLNET_PROFILE_PASSWORD": PASSWORD}
        where = ["--url", f"unix://{self.manager.directory}/manager.sock"]
        if token is not None:
            environment["CELLNET_TOKEN"] = self.secrets[token]
            where = ["--url", f"https://{self.addresses[0]}:9790"]
            where += ["--os-cacert", str(self.directory / "ca.crt")]
        command = [*self.manager.enter(), str(PROGRAMS / "cellnet"), *where, *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, env=environment, input=stdin
        )
        shown = " ".join(["cellnet", *arguments])
        assert done.returncode == 0, f"{shown}: {done.stdout}{done.stderr}"
        print(f"$ {shown}\n{done.stdout}", end="")
        return done.stdout

    def start_manager(self) -> None:
        directory = self.manager.directory
        tokens = directory / "tokens"
        for user, role in (("alice", "manager"), ("nagios", "reader")):
            line = ("token", "create", user, "--role", role, "--file", str(tokens))
            done = subprocess.run([PROGRAMS / "cellnet", *line], capture_output=True, text=True, check=True)
            self.secrets[user] = done.stdout.strip()
        cells = [
            {
                "name": cell,
                "kind": kind,
                "asn": 65000 + n,
                "prefixes": [f"10.0.{n}.0/24", f"fdce:11:0:{n}::/64"],
            }
            for n, cell, kind in ((1, "main", "main"), (2, "east", "sub"))
        ]
        configuration = write(
            directory / "manager.json",
            {
                "database": str(directory / "manager.db"),
                "unix_socket": str(directory / "manager.sock"),
                "listen": "0.0.0.0:9790",
                "journal": str(directory / "manager.jsonl"),
                "tokens": str(tokens),
                "agent_secret": str(directory / "agent.secret"),
                "tls": {
                    "certificate": str(self.directory / "manager.crt"),
                    "key": str(self.directory / "manager.key"),
                },
                "cells": cells,
            },
        )
        self.manager.start("cellnet-manager", "--config", configuration)

    def start_gateway(self, gateway: Gateway) -> None:
        index = self.gateways.index(gateway)
        document = site(gateway, index + 1, self.addresses[index])
        write(gateway.directory / "site.json", document)
        token = self.cellnet("agent", "enrol", gateway.cell, gateway.name)
        Path(document["enrolment_file"]).write_text(token)
        self.secrets[f"enrolment of {gateway.name}"] = token.strip().rsplit(".", 1)[1]
        controller = document["controller"]
        gateway.start(
            *("cellnet-controller", "--library", "os-ken", "--listen", controller["target"][4:]),
            *("--socket", controller["socket"], "--journal", str(gateway.directory / "controller.jsonl")),
        )
        gateway.start(
            "cellnet-speaker", "--directory", document["speaker"]["directory"], notify=False
        )  # ready once the agent has written its configuration
        self.start_agent(gateway)

    def start_agent(self, gateway: Gateway) -> None:
        gateway.start("cellnet-agent", "--site", str(gateway.directory / "site.json"), **gateway.environment)

    def json(self, *arguments: str, token: str | None = None) -> Any:
        """A command's answer as a document."""
        return json.loads(self.cellnet(*arguments, "-f", "json", token=token))

    def check_foreign(self) -> None:
        """Nothing of the others has changed."""
        for gateway, before in zip(self.gateways, self.before, strict=True):
            assert gateway.foreign() == before, f"{gateway.name}: {before}\n---\n{gateway.foreign()}"

    def check_packets(self) -> None:
        for source, target in ((0, 2), (1, 1)):
            for address in (host4(target), host6(target)):
                until(lambda s=source, a=address: self._pings(s, a))

    def _pings(self, source: int, address: str) -> bool:
        return ", 0% packet loss" in self.hosts[source].run(
            "ping", "-c", "1", "-W", "1", address, check=False
        )

    def uptimes(self, gateway: Gateway) -> dict[str, str]:
        """When the kernel's BGP connections began, told by their local ports: a new one has another."""
        lines = gateway.run(
            "ss", "-Htn", "state", "established", "( sport = :179 or dport = :179 )"
        ).splitlines()
        return {line.split()[2]: line.split()[3] for line in lines}


def installed_by_hand() -> None:
    """The whole of docs/deploy.md."""
    deployment = Deployment()
    deployment.start_manager()
    for gateway in deployment.gateways:
        deployment.start_gateway(gateway)
    until(lambda: len(deployment.json("agent", "list", token="nagios")) == 2, 60)
    for cell in ("main", "east"):
        deployment.cellnet("endpoint", "create", "--cell", cell, f"{cell}-ep", token="alice")
    deployment.secrets["password"] = PASSWORD
    deployment.cellnet("profile", "create", "signed", "--password-prompt", token="alice")
    deployment.cellnet(
        *("connection", "create", "--local", "main-ep", "--remote", "east-ep", "--profile", "signed"),
        *("main-east", "--wait"),
        token="alice",
    )
    deployment.check_packets()
    deployment.check_foreign()
    deployment.cellnet("audit", "list", "-c", "user", "-c", "action", "-c", "resource_name")
    who = {entry["resource_name"]: entry["user"] for entry in deployment.json("audit", "list")}
    assert who["main-east"] == "alice", who
    _agents_restart(deployment)
    deployment.check_foreign()
    _leaves_no_secret(deployment)


def _agents_restart(deployment: Deployment) -> None:
    """Killed and stopped agents come back without a session reset, without a flow change."""
    main, east = deployment.gateways
    before = [(g.flows(), deployment.uptimes(g)) for g in (main, east)]
    assert len(before[0][0]) > 10
    assert len(before[0][1]) == 2, "a session for each path"
    for number in (signal.SIGKILL, signal.SIGTERM):
        for gateway in (main, east):
            gateway.stop("cellnet-agent", number)
            deployment.start_agent(gateway)
    started = time.monotonic()
    until(lambda: {a["operating_status"] for a in deployment.json("agent", "list")} == {"ONLINE"}, 60)
    deployment.cellnet("connection", "show", "main-east", "-c", "operating_status")
    until(lambda: deployment.json("connection", "show", "main-east")["operating_status"] == "ONLINE", 60)
    print(f"online again {time.monotonic() - started:.1f} s after the last start")
    for gateway, (flows, sessions) in zip((main, east), before, strict=True):
        assert deployment.uptimes(gateway) == sessions, f"{gateway.name}: {sessions} before"
        # A busy machine may have BFD give a false alarm meanwhile: its hold-down is over in seconds.
        until(lambda g=gateway, f=flows: g.flows() == f, 60)
    deployment.check_packets()


def _leaves_no_secret(deployment: Deployment) -> None:
    """What must be nowhere but in the files made for it."""
    found = set()
    keys = {
        f"key of {g.name}": json.loads((g.directory / "state" / "credential.json").read_text())["key"]
        for g in deployment.gateways
    }
    for path in sorted(deployment.directory.rglob("*")):
        if not path.is_file() or path.name in MADE_FOR_SECRETS:
            continue
        content = path.read_bytes()
        for what, secret in (deployment.secrets | keys).items():
            if what == "password" and path.name in MADE_FOR_PASSWORDS:
                found.add(path.name)
                assert path.stat().st_mode & 0o077 == 0, f"others may read {path}"
                continue
            assert secret.encode() not in content, f"{what} is in {path}"
    assert {"intent.json", "exabgp.conf"} <= found, "the sessions were signed"
    answers = [deployment.json(*command) for command in (("profile", "show", "signed"), ("audit", "list"))]
    answers += [deployment.json("event", "list"), deployment.json("profile", "list")]
    for secret in (deployment.secrets | keys).values():
        assert secret not in json.dumps(answers)
    for gateway in deployment.gateways:
        mode = (gateway.directory / "state" / "credential.json").stat().st_mode & 0o777
        assert mode == 0o600


def main() -> None:
    """Play; the exit status says how it went."""
    status = 1
    try:
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
        tempfile.tempdir = "/run"
        installed_by_hand()
        status = 0
    finally:
        if status:
            traceback.print_exc()
            for log in Path("/run").glob("deploy-*/*/*.log"):
                print(f"--- {log}\n{log.read_text(errors='replace')[-2000:]}")
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
