"""The ExaBGP speaker driver: the contract's five calls over the `bgp` package.

`planning` decides, `observation` puts read-backs together, `sessions` remembers what ExaBGP does not say, and
`driver` does the talking. Nothing here knows cells, connections or forwarding.
"""

from cellnet_core.drivers.exabgp.driver import ExaBgpSpeaker

__all__ = ["ExaBgpSpeaker"]
