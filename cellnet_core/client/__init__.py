"""The manager's API from Python: a small synchronous client, for the command line, tests and scenarios.

Knows HTTP and the documents of the API; imports nothing else of the core, so that it can be used far from it.

    with Client.unix("/run/cellnet/demo/manager.sock") as client:
        client.create_endpoint("main-ep", cell="main")
        client.create_connection("main-east", "main-ep", "east-ep")
        client.wait_for_status("main-east", timeout=10)
"""

from cellnet_core.client.api import Client
from cellnet_core.client.errors import (
    ApiError,
    ClientError,
    ConflictError,
    NotFoundError,
    OperationFailedError,
    UnreachableError,
    WaitTimeoutError,
)
from cellnet_core.client.values import (
    Agent,
    Cell,
    Condition,
    Connection,
    Drift,
    Endpoint,
    Event,
    Operation,
    Profile,
    Session,
)

__all__ = [
    "Agent",
    "ApiError",
    "Cell",
    "Client",
    "ClientError",
    "Condition",
    "ConflictError",
    "Connection",
    "Drift",
    "Endpoint",
    "Event",
    "NotFoundError",
    "Operation",
    "OperationFailedError",
    "Profile",
    "Session",
    "UnreachableError",
    "WaitTimeoutError",
]
