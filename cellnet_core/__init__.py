"""The endpoint manager: what should connect cells (intent), and the agents and drivers that make it so.

Knows cells, endpoints, connections, BGP speakers and OpenFlow gateways. Must not know the lab: it never
imports `simulator`, `topologies` or `scenarios`, and runs the same outside of one.
"""
