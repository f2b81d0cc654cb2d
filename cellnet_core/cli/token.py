"""`cellnet token ...`: lines for the manager's file of tokens. Needs no manager."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from cliff.command import Command

from cellnet_core.cli.errors import UsageError


class Create(Command):
    """Make a token, and print it with its line for the manager's file of tokens (or append that line)."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("user", help="who it is for; the audit shows this name")
        parser.add_argument(
            "--role", action="append", required=True, help="admin, manager, member, reader, peer; may repeat"
        )
        parser.add_argument(
            "--connection", action="append", default=[], help="of a peer: which it may read; may repeat"
        )
        parser.add_argument("--file", type=Path, help="append the line to this file (made with mode 600)")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        from cellnet_core.northbound.access import tokens
        from cellnet_core.northbound.access.tokens import TokensError

        token = tokens.create()
        try:
            line = tokens.line(
                parsed_args.user, tuple(parsed_args.role), token, tuple(parsed_args.connection)
            )
        except TokensError as error:
            raise UsageError(str(error)) from error
        if parsed_args.file is None:
            self.app.stdout.write(f"token: {token}\nline:  {line}\n")
            return
        try:
            opened = os.open(parsed_args.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(opened, "a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise UsageError(f"{parsed_args.file}: {error.strerror}") from error
        self.app.stdout.write(token + "\n")
