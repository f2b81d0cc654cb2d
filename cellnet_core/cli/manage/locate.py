"""Which database is meant, and how it is opened for a command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cliff.command import Command

from cellnet_core.cli.errors import UsageError
from cellnet_core.store.database import Database, open_database
from cellnet_core.store.errors import StoreUnavailableError


def where(command: Command) -> str:
    """The path or URL that was named, else that of the configuration file. Raises UsageError."""
    options = command.app.options
    if options.database:
        return str(options.database)
    if not options.config:
        raise UsageError("name the database: --database PATH_OR_URL, or --config with the manager's file")
    # Deferred: the configuration knows the web framework's types.
    from cellnet_core.northbound import configuration

    try:
        return configuration.load(Path(options.config)).database
    except configuration.ConfigurationError as error:
        raise UsageError(str(error)) from error


def existing(command: Command) -> str:
    """The same for commands that make no database. Raises UsageError and StoreUnavailableError."""
    found = where(command)
    if "://" not in found and not Path(found).exists():
        raise StoreUnavailableError(f"there is no database {found}: name another, or start the manager once")
    return found


@contextmanager
def opened(command: Command) -> Iterator[Database]:
    """The database, at this program's revision. Raises UsageError and StoreError."""
    database = open_database(existing(command), upgrade_it=False)
    try:
        yield database
    finally:
        database.close()
