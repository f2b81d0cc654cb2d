"""The `cellnet` command.

Exit statuses: 0 done; 2 the request was wrong (arguments, or the API said 4xx); 1 anything else.
An exception says which by its attribute `exit_code`. Nobody but `--debug` sees a traceback.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Any

from cliff.app import App
from cliff.command import Command
from cliff.commandmanager import CommandManager
from cliff.help import HelpCommand, HelpExit

from cellnet_core.cli import overview

NAMESPACE = "cellnet.commands"


class EntryPoints(CommandManager):
    """Commands by entry points, each loaded when it is run (cliff's own loads all of them at start)."""

    def load_commands(self, namespace: str) -> None:
        self.group_list.append(namespace)
        for point in metadata.entry_points(group=namespace):
            self.commands[point.name.replace("_", " ")] = point


class CellnetApp(App):
    """The application; see the module."""

    NAME = "cellnet"
    LOG = logging.getLogger("cellnet")
    NAMESPACE = NAMESPACE
    DESCRIPTION = "Connects OpenStack cells, and proves it in a lab."

    def __init__(self) -> None:
        manager = EntryPoints(self.NAMESPACE)
        # Deferred: else `cellnet COMMAND --help` would be taken for `cellnet --help`.
        super().__init__(
            self.DESCRIPTION,
            metadata.version("cellnet"),
            manager,
            deferred_help=True,
        )
        manager.add_command("help", _Help)
        self._failure: BaseException | None = None

    def build_option_parser(
        self, description: str | None, version: str | None, argparse_kwargs: dict[str, Any] | None = None
    ) -> argparse.ArgumentParser:
        # No abbreviations here: they would swallow options that belong to a command.
        own = {"conflict_handler": "resolve", "prog": self.NAME, "allow_abbrev": False}
        kwargs = {**(argparse_kwargs or {}), **own}
        parser = super().build_option_parser(description, version, kwargs)
        parser.add_argument("--version", action="version", version=f"{self.NAME} {version}")
        self.add_options(parser)
        return parser

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Where the commands work."""
        parser.add_argument(
            "--url",
            default=os.environ.get("CELLNET_URL"),
            help="The manager: http://HOST:PORT or unix:///PATH. Default: $CELLNET_URL, else the lab's.",
        )
        parser.add_argument(
            "--lab",
            default=os.environ.get("CELLNET_LAB"),
            help="The lab whose manager to talk to. Default: $CELLNET_LAB, else the only one running.",
        )
        parser.add_argument(
            "--token-file",
            metavar="FILE",
            default=os.environ.get("CELLNET_TOKEN_FILE"),
            help="Holds the token to show the manager. Default: $CELLNET_TOKEN_FILE, else $CELLNET_TOKEN.",
        )
        parser.add_argument(
            "--os-cacert",
            metavar="FILE",
            default=os.environ.get("OS_CACERT"),
            help="Certificates (PEM) to trust for an https URL. Default: $OS_CACERT, else the machine's.",
        )

    def configure_logging(self) -> None:
        super().configure_logging()
        if self.options.verbose_level < 2:
            for noisy in ("httpx", "httpcore", "stevedore", "asyncio"):
                logging.getLogger(noisy).setLevel(logging.WARNING)

    def print_help_if_requested(self) -> None:
        if self.options.deferred_help:
            self.interact()
            raise HelpExit

    def interact(self) -> None:
        """Without a command, say what commands there are (and load no shell for it)."""
        overview.write(self.parser, self.command_manager, self.stdout)

    def run(self, argv: list[str]) -> int:
        try:
            status = super().run(argv)
        except ImportError as error:
            # The command itself could not be loaded.
            self.LOG.error("this command cannot be loaded: %s; is cellnet installed completely?", error)  # noqa: TRY400 (no traceback for users)
            return 1
        if self.interactive_mode:
            return 0
        return int(getattr(self._failure, "exit_code", status))

    def clean_up(self, cmd: Command, result: int, err: BaseException | None) -> None:
        super().clean_up(cmd, result, err)
        self._failure = err


class _Help(HelpCommand):
    """Print the list of commands, or the help of one."""

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        if parsed_args.cmd:
            return super().take_action(parsed_args)
        overview.write(self.app.parser, self.app.command_manager, self.app.stdout)
        return 0


def main(argv: Sequence[str] | None = None, application: type[CellnetApp] = CellnetApp) -> int:
    """The command; returns its exit status."""
    try:
        status = application().run(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader had enough (`cellnet ... | head`). Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    return status


if __name__ == "__main__":
    sys.exit(main())
