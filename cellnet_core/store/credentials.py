"""Enrolments of agents in the store."""

from __future__ import annotations

from cellnet_core.store.records import AgentKey, CredentialRecord
from cellnet_core.store.schema import CredentialRow
from cellnet_core.store.session import Session


def find(session: Session, key: AgentKey) -> CredentialRecord | None:
    """What is remembered of the agent's enrolment."""
    row = session.mapped.get(CredentialRow, (key.cell_id, key.gateway))
    if row is None:
        return None
    return CredentialRecord(
        key=AgentKey(row.cell_id, row.gateway),
        serial=row.serial,
        expires=row.expires,
        agent_nonce=row.agent_nonce,
        manager_nonce=row.manager_nonce,
        updated_at=row.updated_at,
    )


def save(session: Session, credential: CredentialRecord) -> None:
    """Add the enrolment, or replace the agent's former one."""
    session.mapped.merge(
        CredentialRow(
            cell_id=credential.key.cell_id,
            gateway=credential.key.gateway,
            serial=credential.serial,
            expires=credential.expires,
            agent_nonce=credential.agent_nonce,
            manager_nonce=credential.manager_nonce,
            updated_at=credential.updated_at,
        )
    )
    session.flush()
