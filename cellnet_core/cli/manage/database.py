"""`cellnet-manage db ...`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cliff.command import Command
from cliff.lister import Lister
from cliff.show import ShowOne

from cellnet_core.cli.manage import locate
from cellnet_core.store import backup, checks, engines, upgrade
from cellnet_core.store.database import open_database
from cellnet_core.store.errors import StoreUnavailableError
from cellnet_core.store.schema import REVISION

Shown = tuple[Sequence[str], Sequence[Any]]


class Upgrade(ShowOne):
    """Bring the database to this program's revision; a SQLite file is copied first."""

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:  # noqa: ARG002 (given signature)
        database = open_database(locate.where(self))
        try:
            done = database.prepared
            return ("database", "before", "revision", "copy"), (
                database.where,
                done.before or "nothing",
                REVISION,
                "" if done.copy is None else str(done.copy),
            )
        finally:
            database.close()


class Version(ShowOne):
    """Show the revision of the database, and which one this program needs."""

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:  # noqa: ARG002 (given signature)
        engine = engines.open_engine(locate.existing(self))
        try:
            with engines.translated(), engines.transaction(engines.reader(engine)) as connection:
                found = upgrade.recognise(connection)
            return ("database", "revision", "needed"), (engines.shown(engine), found or "nothing", REVISION)
        finally:
            engine.dispose()


class Backup(Command):
    """Copy a SQLite database to a file, whole, also while the manager runs."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("file", type=Path, help="where to; must not exist")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        engine = engines.open_engine(locate.existing(self))
        try:
            file = engines.sqlite_file(engine)
            if file is None:
                raise StoreUnavailableError(
                    f"{engines.shown(engine)} is no file: copy it with pg_dump, put it back with pg_restore"
                )
            backup.copy(file, parsed_args.file)
        finally:
            engine.dispose()


class Check(Lister):
    """Look for damage: the file, the tables, and what must hold between rows. Fails when it finds any."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        return super().get_parser(prog_name)

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], list[tuple[str, str]]]:  # noqa: ARG002 (given signature)
        with locate.opened(self) as database:
            self.problems = checks.problems(database)
        return ("where", "problem"), [(problem.where, problem.text) for problem in self.problems]

    def run(self, parsed_args: argparse.Namespace) -> int:
        status = super().run(parsed_args)
        return 1 if self.problems else int(status or 0)
