"""Drives a gateway made of Open vSwitch and an OpenFlow controller, behind the forwarding driver contract.

It knows the switch's database, the kernel of the gateway and the controller's socket. It must not know
connections, sessions or policies: what to forward comes in as an intent, and it never calls its caller.
"""

from cellnet_core.drivers.openflow.gateway import OpenFlowGateway

__all__ = ["OpenFlowGateway"]
