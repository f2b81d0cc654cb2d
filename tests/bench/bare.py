"""What the manager is measured against: a bare FastAPI and SQLAlchemy application that stores one row.

The same engine settings (WAL, full synchronisation, writers take the lock first), one worker, the same file
of tokens. No validation beyond types, no audit, no events, nothing that follows from a row.

    python -m tests.bench.bare --database FILE --tokens FILE --port PORT
"""

from __future__ import annotations

import argparse
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel, ConfigDict
from sqlalchemy import JSON, Engine, String, event, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from cellnet_core.northbound.access.tokens import TokenFile
from cellnet_core.store import engines


class Base(DeclarativeBase):
    """One table."""


class ThingRow(Base):
    """As wide as an endpoint."""

    __tablename__ = "things"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(63), unique=True)
    cell: Mapped[str] = mapped_column(String(63))
    gateway: Mapped[str] = mapped_column(String(63))
    asn: Mapped[int]
    prefixes: Mapped[list[str]] = mapped_column(JSON)
    interfaces: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    description: Mapped[str] = mapped_column(String(255))
    revision_number: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class ThingInput(BaseModel):
    """What a client sends."""

    name: str
    cell: str
    gateway: str
    asn: int
    prefixes: list[str]
    interfaces: list[dict[str, Any]]
    description: str = ""


class Thing(ThingInput):
    """What a client gets."""

    model_config = ConfigDict(from_attributes=True)
    id: str
    revision_number: int
    created_at: datetime
    updated_at: datetime


def application(engine: Engine, tokens: TokenFile) -> FastAPI:
    """Create, show and list."""
    read = sessionmaker(engines.reader(engine), expire_on_commit=False)
    write = sessionmaker(engines.writer(engine), expire_on_commit=False)
    app = FastAPI()

    def known(token: Annotated[str, Header(alias="X-Auth-Token")] = "") -> None:
        if tokens.find(token) is None:
            raise HTTPException(401)

    @app.post("/things", status_code=201, dependencies=[Depends(known)])
    def create(body: ThingInput) -> Thing:
        now = datetime.now(UTC)
        row = ThingRow(
            **body.model_dump(), id=str(uuid.uuid4()), revision_number=1, created_at=now, updated_at=now
        )
        with write.begin() as session:
            session.add(row)
        return Thing.model_validate(row)

    @app.get("/things/{thing}", dependencies=[Depends(known)])
    def show(thing: str) -> Thing:
        with read() as session:
            return Thing.model_validate(session.get_one(ThingRow, thing))

    @app.get("/things", dependencies=[Depends(known)])
    def listing(limit: int = 100) -> list[Thing]:
        with read() as session:
            rows = session.scalars(select(ThingRow).order_by(ThingRow.name).limit(limit))
            return [Thing.model_validate(row) for row in rows]

    return app


def fill(engine: Engine, count: int) -> None:
    """Things to begin with."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with Session(engines.writer(engine)) as session, session.begin():
        session.add_all(
            ThingRow(
                id=str(uuid.UUID(int=number)),
                name=f"t{number}",
                cell="c0",
                gateway="c0-gw1",
                asn=100_000,
                prefixes=["10.0.0.0/24", "fdce:11::/64"],
                interfaces=[{"interface": "wan0", "addresses": ["172.16.0.1/30", "fdce:12::1/64"]}],
                description="",
                revision_number=1,
                created_at=now,
                updated_at=now,
            )
            for number in range(count)
        )


def main() -> None:
    """Serve until told to end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", required=True)
    parser.add_argument("--tokens", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--fill", type=int, default=0)
    options = parser.parse_args()
    engine = engines.open_engine(options.database)
    # As SQLAlchemy's documentation has it for SQLite.
    event.listen(engine, "begin", engines.begin)
    Base.metadata.create_all(engine)
    if options.fill:
        fill(engine, options.fill)
    app = application(engine, TokenFile(options.tokens))
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_config=None, access_log=False, workers=1)


if __name__ == "__main__":
    main()
