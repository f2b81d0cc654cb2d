"""What the manager must not forget: typed rows in SQLite (or what SQLAlchemy reaches), as frozen records.

Knows tables, transactions and pages. Must not decide anything: no validation of intent, no clock, no HTTP.
Modules are used qualified: `with database.write() as session: cells.add(session, record)`.
"""
