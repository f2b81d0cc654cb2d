"""What a file declares of cells, endpoints and connections, and the steps from what is there to that.

`source`, `fields`, `document` read and check a file; `current` is what the manager has; `planning` compares,
pure; `execution` carries a plan out through `cellnet_core.client`; `rendering` writes plans and documents as
text. Must not know the manager's inside or its database: everything goes through the API.
"""
