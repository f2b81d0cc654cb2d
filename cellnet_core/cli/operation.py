"""`cellnet operation ...`."""

from __future__ import annotations

from cellnet_core.cli.resource import ListOf, Resource, ShowOf

OPERATION = Resource(
    "operation",
    "operations",
    ("id", "type", "resource_name", "state", "progress", "created_at", "error"),
    help="id",
)


class List(ListOf):
    """List work that outlives its request, the newest first."""

    resource = OPERATION


class Show(ShowOf):
    """Show an operation: how far it is, and what each agent has done."""

    resource = OPERATION
