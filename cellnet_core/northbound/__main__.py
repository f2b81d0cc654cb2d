"""`python -m cellnet_core.northbound --config FILE`: the manager."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from cellnet_core.model import logs
from cellnet_core.northbound import configuration, server
from cellnet_core.northbound.configuration import Configuration, ConfigurationError
from cellnet_core.northbound.server import StartError
from cellnet_core.store.errors import StoreError


def main(argv: list[str] | None = None) -> int:
    """0 after SIGTERM, 2 for an unusable configuration, 1 for anything else that stops the start."""
    parser = argparse.ArgumentParser(
        prog="cellnet-manager", description="The manager of connections between cells."
    )
    parser.add_argument(
        "--config",
        type=Path,
        required=True,
        help="FILE.conf (oslo.config), or YAML or JSON; see docs/deploy.md",
    )
    parser.add_argument("--log-format", choices=logs.FORMS, default="text", help="of lines on stderr")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, handlers=[logs.handler(arguments.log_format)])
    os.umask(0o077)  # database, journal and sockets hold what is nobody else's
    try:
        server.run(_load(arguments.config))
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    except (StartError, StoreError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _load(path: Path) -> Configuration:
    if path.suffix == ".conf":
        from cellnet_core.northbound import options

        return options.load(path)
    return configuration.load(path)


if __name__ == "__main__":
    sys.exit(main())
