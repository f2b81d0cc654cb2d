"""The client: every call about every resource, put together."""

from __future__ import annotations

from cellnet_core.client.access import AccessCalls
from cellnet_core.client.cells import CellCalls
from cellnet_core.client.connections import ConnectionCalls
from cellnet_core.client.endpoints import EndpointCalls
from cellnet_core.client.happenings import HappeningCalls
from cellnet_core.client.network import NetworkCalls
from cellnet_core.client.operations import OperationCalls
from cellnet_core.client.profiles import ProfileCalls


class Client(
    CellCalls,
    EndpointCalls,
    ProfileCalls,
    ConnectionCalls,
    OperationCalls,
    HappeningCalls,
    NetworkCalls,
    AccessCalls,
):
    """Talks to one manager; a context manager. Every method raises ApiError and UnreachableError."""
