"""`cellnet-manage agent confirm`: agents that were told of a newer database shall follow this one."""

from __future__ import annotations

import argparse
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from cliff.lister import Lister

from cellnet_core.cli.errors import UsageError
from cellnet_core.cli.manage import locate
from cellnet_core.manager.context import Context
from cellnet_core.manager.errors import RequestError
from cellnet_core.manager.histories import Histories
from cellnet_core.manager.reports import Reports
from cellnet_core.manager.wakeups import Wakeups
from cellnet_core.model.clock import SystemClock
from cellnet_core.model.journal import NoJournal


class Confirm(Lister):
    """Have agents leave what they keep of another history, and follow this database.

    They take down what this database does not know of: look at `agent list` first.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("cell", nargs="?", help="id, name or Nova cell uuid")
        parser.add_argument("gateway", nargs="?")
        parser.add_argument("--all", action="store_true", help="every agent that is astray")
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[Sequence[str], list[tuple[str, str, int]]]:
        named = parsed_args.cell is not None and parsed_args.gateway is not None
        if named == parsed_args.all:
            raise UsageError("name CELL and GATEWAY, or --all")
        with locate.opened(self) as database:
            clock = SystemClock()
            context = Context(
                database=database,
                clock=clock,
                wall=lambda: datetime.now(UTC),
                new_id=lambda: str(uuid.uuid4()),
                journal=NoJournal(),
                reports=Reports(clock.now()),
                wakeups=Wakeups(),
            )
            histories = Histories(context)
            wanted = (
                [(agent.cell_name, agent.key.gateway) for agent in histories.everyone_astray()]
                if parsed_args.all
                else [(parsed_args.cell, parsed_args.gateway)]
            )
            try:
                done = [histories.confirm(cell, gateway).record for cell, gateway in wanted]
            except RequestError as error:
                raise UsageError(error.detail) from error
        return ("cell", "gateway", "generation"), [
            (agent.cell_name, agent.key.gateway, agent.generation) for agent in done
        ]
