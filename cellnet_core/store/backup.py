"""A copy of a SQLite database that is whole, also while others write.

The copy appears under its name only when it is complete and on the disk. PostgreSQL has its own tools.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from cellnet_core.store.errors import StoreUnavailableError

PAGES = 1024
"""Copied at a time; writers come in between."""


def copy(source: Path, target: Path) -> None:
    """Copy the database. Readable by its owner only, since it holds what the original holds.

    Raises StoreUnavailableError, also when the target exists: nothing is overwritten.
    """
    if target.exists():
        raise StoreUnavailableError(f"{target} exists already: name another file for the copy")
    partial = target.with_name(target.name + ".partial")
    try:
        partial.unlink(missing_ok=True)
        partial.touch(mode=0o600)
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as old,
            closing(sqlite3.connect(partial)) as new,
        ):
            old.backup(new, pages=PAGES)
            # One file without a log beside it.
            new.execute("PRAGMA journal_mode=DELETE")
        _sync(partial)
        partial.rename(target)
        _sync(target.parent)
    except (OSError, sqlite3.Error) as error:
        partial.unlink(missing_ok=True)
        raise StoreUnavailableError(f"cannot copy {source} to {target}: {error}") from error


def free_name(source: Path, why: str) -> Path:
    """The first of "manager.db.WHY", "manager.db.WHY.2" ... that is not taken."""
    number = 1
    while True:
        name = f"{source.name}.{why}" + (f".{number}" if number > 1 else "")
        candidate = source.with_name(name)
        if not candidate.exists():
            return candidate
        number += 1


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
