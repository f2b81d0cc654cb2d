"""`cellnet profile ...`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from getpass import getpass
from typing import Any

from cliff.show import ShowOne

from cellnet_core.cli import base
from cellnet_core.cli.errors import UsageError
from cellnet_core.cli.resource import (
    ChangeOf,
    DeleteOf,
    ListOf,
    Resource,
    ShowOf,
    add_tags,
    fewer_tags,
    more_tags,
    said,
)

PROFILE = Resource(
    "profile",
    "profiles",
    ("id", "name", "is_default", "hold_time", "graceful_restart_time", "hold_down", "has_password"),
)
ENVIRONMENT = "CELLNET_PROFILE_PASSWORD"


def _add_fields(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--hold-time", type=int, metavar="SECONDS", help="BGP hold time")
    parser.add_argument("--graceful-restart-time", type=int, metavar="SECONDS", help="RFC 4724; 0 is off")
    parser.add_argument(
        "--hold-down", type=float, metavar="SECONDS", help="how long a path must be up again to be used"
    )
    parser.add_argument("--health-interval", type=float, metavar="SECONDS", help="between health checks")
    parser.add_argument("--bfd", metavar="TX,RX,MULTIPLIER", help="timers of BFD, in milliseconds")
    parser.add_argument(
        "--prefix-limit",
        action="append",
        metavar="FAMILY=NUMBER",
        help="the most that is imported from one session; repeatable, names all",
    )
    parser.add_argument(
        "--drain-method", choices=("auto", "gshut", "med", "local-pref", "withdraw"), help="for maintenance"
    )
    parser.add_argument(
        "--password-prompt",
        action="store_true",
        help=f"sign sessions with a password (RFC 2385) that is asked for, or taken from ${ENVIRONMENT}; it "
        "is no argument, since others see those",
    )
    parser.add_argument(
        "--default", action="store_const", const=True, help="for connections that name no profile"
    )
    parser.add_argument("--description")
    add_tags(parser)


def _said(parsed_args: argparse.Namespace) -> dict[str, Any]:
    return said(
        hold_time=parsed_args.hold_time,
        graceful_restart_time=parsed_args.graceful_restart_time,
        hold_down=parsed_args.hold_down,
        health_interval=parsed_args.health_interval,
        bfd=None if parsed_args.bfd is None else _bfd(parsed_args.bfd),
        prefix_limits=None if parsed_args.prefix_limit is None else _limits(parsed_args.prefix_limit),
        drain_method=parsed_args.drain_method,
        password=_password() if parsed_args.password_prompt else None,
        is_default=parsed_args.default,
        description=parsed_args.description,
    )


class Create(ShowOne):
    """Create a profile: what connections have in common."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("name")
        _add_fields(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], Sequence[Any]]:
        fields = _said(parsed_args) | said(tags=parsed_args.tag)
        with base.client_of(self) as client:
            return base.show(client.create_profile(parsed_args.name, **fields))


class List(ListOf):
    """List profiles."""

    resource = PROFILE


class Show(ShowOf):
    """Show a profile; its password is never shown."""

    resource = PROFILE


class Set(ChangeOf):
    """Change a profile; what is not named stays. Connections that have it take it over."""

    resource = PROFILE

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("--name", help="its new name")
        _add_fields(parser)
        return parser

    def changes(self, parsed_args: argparse.Namespace, now: Mapping[str, Any]) -> dict[str, Any]:
        return _said(parsed_args) | said(name=parsed_args.name, tags=more_tags(now, parsed_args.tag))


class Unset(ChangeOf):
    """Take something away from a profile."""

    resource = PROFILE

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("--password", action="store_true", help="sessions are no longer signed")
        parser.add_argument("--bfd", action="store_true", help="timers are those of each site again")
        parser.add_argument("--prefix-limits", action="store_true", help="no limit")
        parser.add_argument("--description", action="store_const", const="")
        add_tags(parser)
        return parser

    def changes(self, parsed_args: argparse.Namespace, now: Mapping[str, Any]) -> dict[str, Any]:
        away = {name: None for name in ("password", "bfd", "prefix_limits") if getattr(parsed_args, name)}
        return away | said(description=parsed_args.description, tags=fewer_tags(now, parsed_args.tag))


class Delete(DeleteOf):
    """Delete profiles that no connection names."""

    resource = PROFILE


def _bfd(text: str) -> dict[str, int]:
    try:
        tx, rx, multiplier = (int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--bfd {text}: write TX,RX,MULTIPLIER, such as 50,50,3") from None
    return {"min_tx_ms": tx, "min_rx_ms": rx, "multiplier": multiplier}


def _limits(texts: Sequence[str]) -> dict[str, int]:
    limits = {}
    for text in texts:
        family, _, number = text.partition("=")
        if family not in ("ipv4", "ipv6") or not number.isdecimal():
            raise UsageError(f"--prefix-limit {text}: write ipv4=NUMBER or ipv6=NUMBER")
        limits[family] = int(number)
    return limits


def _password() -> str:
    if found := os.environ.get(ENVIRONMENT):
        return found
    if not sys.stdin.isatty():
        raise UsageError(f"nobody to ask for the password: set ${ENVIRONMENT}")
    return getpass("password of the sessions: ")
