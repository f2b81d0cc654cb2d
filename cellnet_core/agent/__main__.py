"""`python -m cellnet_core.agent --site FILE`: the composition root, which names the drivers.

Exit status: 0 ended by SIGTERM or SIGINT, 2 a site file that cannot be used, 1 anything else.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from pathlib import Path
from random import Random
from typing import Any

import sdnotify
from pydantic import ValidationError

from cellnet_core.agent.core import Agent
from cellnet_core.agent.credential import CredentialStore
from cellnet_core.agent.health import IcmpPinger
from cellnet_core.agent.kernel import KernelNeighborTable
from cellnet_core.agent.manager import ManagerClient
from cellnet_core.agent.reconciler import Surroundings
from cellnet_core.agent.signing import Signer
from cellnet_core.agent.storage import Storage
from cellnet_core.drivers.exabgp import ExaBgpSpeaker
from cellnet_core.drivers.openflow import OpenFlowGateway
from cellnet_core.model import logs
from cellnet_core.model.clock import SystemClock
from cellnet_core.model.journal import FileJournal, Journal, NoJournal
from cellnet_core.model.site import Site

log = logging.getLogger("cellnet.agent")


class SiteError(Exception):
    """The site file cannot be used; the message says where and what to do."""


def load_site(path: Path) -> Site:
    """Read a site file, JSON or YAML by its name. Raises SiteError."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SiteError(f"{path}: {error.strerror}; give a readable file with --site") from error
    try:
        return Site.model_validate(_parse(path, text))
    except ValidationError as error:
        problems = "\n".join(
            f"  {'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()
        )
        raise SiteError(f"{path}: not a site file (see docs/agents.md):\n{problems}") from error


def _parse(path: Path, text: str) -> Any:
    if path.suffix in (".yaml", ".yml"):
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError

        try:
            return YAML(typ="safe", pure=True).load(text)
        except YAMLError as error:
            raise SiteError(f"{path}: not YAML: {error}") from error
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise SiteError(f"{path}, line {error.lineno}: not JSON: {error.msg}") from error


async def serve(site: Site) -> None:
    """Run the agent until SIGTERM or SIGINT."""
    clock = SystemClock()
    journal: Journal = NoJournal()
    if site.journal is not None:
        journal = FileJournal(Path(site.journal), f"agent/{site.gateway}", clock)
    around = Surroundings(
        clock=clock,
        journal=journal,
        storage=Storage(Path(site.state_directory), journal),
        neighbors=KernelNeighborTable([site.lan.l3_port, *(port.l3_port for port in site.wan)], clock),
        random=Random(),
    )
    speaker = ExaBgpSpeaker(Path(site.speaker.directory), clock, journal)
    speaker.prepare()  # the speaker process waits for its first configuration
    agent = Agent(
        site,
        speaker,
        OpenFlowGateway(site, clock, journal),
        _manager(site),
        IcmpPinger(),
        around,
    )
    task = asyncio.ensure_future(agent.run(_ready))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        log.info("ended by signal; sessions and flows stay")


def _manager(site: Site) -> ManagerClient:
    token_file = None if site.enrolment_file is None else Path(site.enrolment_file)
    store = CredentialStore(Path(site.state_directory), token_file)
    return ManagerClient(
        site.manager_url,
        site.cell,
        site.gateway,
        signer=Signer(store, site.cell, site.gateway),
        ca_file=None if site.manager_ca is None else Path(site.manager_ca),
    )


def _ready() -> None:
    log.info("ready")
    if os.environ.get("NOTIFY_SOCKET"):
        sdnotify.SystemdNotifier().notify("READY=1")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="cellnet-agent", description="The agent of one gateway.")
    parser.add_argument("--site", type=Path, required=True, help="site file, JSON or YAML (docs/agents.md)")
    parser.add_argument(
        "--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"], help="to stderr"
    )
    parser.add_argument("--log-format", choices=logs.FORMS, default="text", help="of lines on stderr")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=options.log_level, handlers=[logs.handler(options.log_format)])
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for every report is too much
    os.umask(0o077)  # what is written here holds session passwords and the agent's key
    try:
        site = load_site(options.site)
    except SiteError as error:
        print(error, file=sys.stderr)
        return 2
    asyncio.run(serve(site))
    return 0


if __name__ == "__main__":
    sys.exit(main())
