"""How a database of an earlier release becomes one of this release: Alembic revisions, applied in order.

Knows tables as they were and are, by their names. Must not import `store.schema`: a revision says the same
for ever, whatever the tables become later. Applied by `store/upgrade.py`, inside one transaction on every
database.
"""
