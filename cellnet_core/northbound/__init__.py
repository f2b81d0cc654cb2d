"""The REST interface, and the manager's composition root (`python -m cellnet_core.northbound`).

Knows HTTP, schemas and how errors look outside; decides nothing. No request waits for a remote machine.
One module per resource: its schemas, its routes, and nothing else.
"""
