"""What a user may have done wrong on the command line."""

from __future__ import annotations


class UsageError(Exception):
    """The command cannot be meant like this; the message has the remedy. Ends with status 2."""

    exit_code = 2


class NoManagerError(Exception):
    """There is no manager to talk to; the message has the remedy. Ends with status 1."""

    exit_code = 1
