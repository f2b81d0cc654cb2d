"""`cellnet agent ...`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from cliff.lister import Lister

from cellnet_core.cli import base


class List(Lister):
    """List agents, and when each last reported."""

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], list[list[Any]]]:  # noqa: ARG002
        names = (
            "cell",
            "gateway",
            "operating_status",
            "last_seen_at",
            "last_seen_age_s",
            "generation",
            "observed_generation",
        )
        with base.client_of(self) as client:
            return base.listing(names, client.agents())
