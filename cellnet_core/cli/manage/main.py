"""The `cellnet-manage` command. Exit statuses as those of `cellnet`."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from cellnet_core.cli import main as cellnet


class ManageApp(cellnet.CellnetApp):
    """The application; see the package."""

    NAME = "cellnet-manage"
    LOG = logging.getLogger("cellnet.manage")
    NAMESPACE = "cellnet.manage"
    DESCRIPTION = "Works on the manager's database, also while the API is down."

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--config",
            default=os.environ.get("CELLNET_MANAGER_CONFIG"),
            help="The manager's configuration, which names the database. Default: $CELLNET_MANAGER_CONFIG.",
        )
        parser.add_argument(
            "--database",
            default=os.environ.get("CELLNET_DATABASE"),
            help="The database itself: a path, or postgresql://USER@HOST/NAME. Default: $CELLNET_DATABASE.",
        )


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    return cellnet.main(argv, ManageApp)


if __name__ == "__main__":
    sys.exit(main())
