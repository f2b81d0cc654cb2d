"""ExaBGP as a component: configuration text, API lines, events, adjacency RIB, best path, and its process.

Knows ExaBGP 5.0 and BGP (RFC 4271, 4724). Must not know cells, connections, agents or drivers, and imports
nothing else of this distribution. The pure modules (`model`, `config`, `commands`, `events`, `readback`,
`rib`, `bestpath`) do no I/O; `client` and `relay` talk over one unix socket; `speaker` is the process.
"""
