"""Agents enrol, sign and check: the real client of the agent against the real gate of the manager."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from starlette.types import ASGIApp

from cellnet_core.agent.credential import CredentialStore
from cellnet_core.agent.manager import ManagerClient, ManagerRefusedError, ManagerUnavailableError
from cellnet_core.agent.signing import Signer
from cellnet_core.manager.errors import ConflictError, ForbiddenError
from cellnet_core.model import proof
from cellnet_core.model.wire import IntentDocument
from cellnet_core.northbound.access.guard import Access
from cellnet_core.northbound.access.signatures import Signatures
from cellnet_core.northbound.app import create_app
from tests.unit.manager.world import MAIN, World, obey

Alter = Callable[[httpx.Response], httpx.Response]


@pytest.fixture
def app(world: World) -> ASGIApp:
    return create_app(world.manager, Access(signatures=Signatures(world.manager.enrolment)))


class Wire(httpx.AsyncBaseTransport):
    """The management network: remembers what passes, and lets a test change it."""

    def __init__(self, app: ASGIApp) -> None:
        self._inner = httpx.ASGITransport(app)
        self.requests: list[tuple[str, bytes, dict[str, str], bytes]] = []
        self.answers: list[bytes] = []
        self.alter: Alter | None = None
        self.drop = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        self.requests.append((request.method, request.url.raw_path, dict(request.headers), body))
        answer = await self._inner.handle_async_request(request)
        content = await answer.aread()
        self.answers.append(content)
        if self.drop:
            raise httpx.ReadError("cut")
        made = httpx.Response(answer.status_code, headers=answer.headers, content=content)
        return self.alter(made) if self.alter is not None else made


def make(app: ASGIApp, directory: Path, token: str | None = None) -> tuple[ManagerClient, Wire]:
    """An agent of main-gw1 with its state in that directory."""
    directory.mkdir(exist_ok=True)
    token_file = directory / "token"
    if token is not None:
        token_file.write_text(token + "\n")
    wire = Wire(app)
    signer = Signer(CredentialStore(directory, token_file if token else None), "main", "main-gw1")
    return ManagerClient("http://manager", "main", "main-gw1", wire, signer=signer), wire


def run(client: ManagerClient, *calls: Callable[[], Awaitable[object]]) -> list[object]:
    async def all_of_them() -> list[object]:
        try:
            return [await call() for call in calls]
        finally:
            await client.close()

    return asyncio.run(all_of_them())


def token_for(world: World, gateway: str = "main-gw1", life: int = 60) -> str:
    return world.manager.enrolment.issue("main", gateway, life).token


def test_an_agent_enrols_and_is_heard(world: World, app: ASGIApp, tmp_path: Path) -> None:
    client, wire = make(app, tmp_path / "a", token_for(world))
    report = obey(None, MAIN, 1)
    (intent, _) = run(client, lambda: client.intent(-1, 0), lambda: client.report(report))
    assert isinstance(intent, IntentDocument)
    assert world.manager.agents.get("main", "main-gw1").received is not None
    kept = tmp_path / "a" / "credential.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert not (tmp_path / "a" / "enrolment.json").exists()
    # Neither the token nor the key was on the wire, in the database or among the events.
    token = (tmp_path / "a" / "token").read_text().strip()
    key = CredentialStore(tmp_path / "a").load()
    assert key is not None
    seen = repr(wire.requests) + repr(wire.answers)
    seen += repr((tmp_path / "manager.db").read_bytes()) + repr((tmp_path / "manager.db-wal").read_bytes())
    for secret in (token.rsplit(".", 1)[1], key.key):
        assert secret not in seen
    assert "agent.enrolled" in world.event_types()


def test_a_restarted_agent_uses_what_it_kept(world: World, app: ASGIApp, tmp_path: Path) -> None:
    client, _ = make(app, tmp_path / "a", token_for(world))
    run(client, lambda: client.intent(-1, 0))
    again, wire = make(app, tmp_path / "a", (tmp_path / "a" / "token").read_text().strip())
    run(again, lambda: again.intent(-1, 0), lambda: again.intent(-1, 0))
    # The first is told the epoch and sent again; afterwards each passes at once.
    assert [method for method, *_ in wire.requests] == ["GET", "GET", "GET"]


def test_a_restarted_manager_is_believed_and_believes(world: World, app: ASGIApp, tmp_path: Path) -> None:
    client, wire = make(app, tmp_path / "a", token_for(world))

    async def story() -> None:
        await client.intent(-1, 0)
        wire._inner = httpx.ASGITransport(
            create_app(world.manager, Access(signatures=Signatures(world.manager.enrolment)))
        )
        await client.intent(-1, 0)
        await asyncio.gather(*(client.intent(-1, 0) for _ in range(20)))
        await client.close()

    asyncio.run(story())


def test_without_enrolment_an_agent_is_refused_with_the_remedy(
    world: World, app: ASGIApp, tmp_path: Path
) -> None:
    client, _ = make(app, tmp_path / "a")
    with pytest.raises(ManagerRefusedError, match="cellnet agent enrol"):
        run(client, lambda: client.intent(-1, 0))


def test_a_token_is_used_once(world: World, app: ASGIApp, tmp_path: Path) -> None:
    token = token_for(world)
    first, _ = make(app, tmp_path / "a", token)
    run(first, lambda: first.intent(-1, 0))
    thief, _ = make(app, tmp_path / "b", token)
    with pytest.raises(ManagerRefusedError, match=r"enrolment_used"):
        run(thief, lambda: thief.intent(-1, 0))


def test_a_lost_answer_is_asked_for_again(world: World, app: ASGIApp, tmp_path: Path) -> None:
    token = token_for(world)
    client, wire = make(app, tmp_path / "a", token)
    wire.drop = True
    with pytest.raises(ManagerUnavailableError):
        run(client, lambda: client.intent(-1, 0))
    again, _ = make(app, tmp_path / "a", token)  # even after a restart in between
    run(again, lambda: again.intent(-1, 0))


def test_tokens_expire_are_for_one_gateway_and_are_replaced(
    world: World, app: ASGIApp, tmp_path: Path
) -> None:
    late, other, older = token_for(world, life=1), token_for(world, "main-gw2"), token_for(world)
    world.clock.seconds += 2
    newer = token_for(world)
    for name, token, code in (("late", late, "expired"), ("other", other, "refused")):
        client, _ = make(app, tmp_path / name, token)
        with pytest.raises(ManagerRefusedError, match=f"enrolment_{code}"):
            run(client, lambda client=client: client.intent(-1, 0))
    client, _ = make(app, tmp_path / "newer", newer)
    run(client, lambda: client.intent(-1, 0))
    client, _ = make(app, tmp_path / "older", older)
    with pytest.raises(ManagerRefusedError, match="enrolment_expired"):
        run(client, lambda: client.intent(-1, 0))


def test_a_token_for_longer_than_it_was_given_out_is_no_token(world: World) -> None:
    token = proof.parse_token(token_for(world))
    forged = proof.Token(token.serial, token.expires + 3600, token.secret)
    nonce = proof.new_nonce()
    said = proof.enrolment_proof(forged, "main", "main-gw1", nonce)
    with pytest.raises(ForbiddenError):
        world.manager.enrolment.exchange("main", "main-gw1", (forged.serial, forged.expires), nonce, said)


def test_revoked_agents_are_out_until_they_enrol_anew(world: World, app: ASGIApp, tmp_path: Path) -> None:
    client, _ = make(app, tmp_path / "a", token_for(world))
    run(client, lambda: client.intent(-1, 0))
    world.clock.seconds += 1
    world.manager.enrolment.revoke("main", "main-gw1")
    app = create_app(world.manager, Access(signatures=Signatures(world.manager.enrolment)))
    again, _ = make(app, tmp_path / "a")
    with pytest.raises(ManagerRefusedError, match="not_enrolled"):
        run(again, lambda: again.intent(-1, 0))
    world.clock.seconds += 1
    # A newer token in the agent's file makes it enrol, though it has a credential.
    fresh, _ = make(app, tmp_path / "a", token_for(world))
    run(fresh, lambda: fresh.intent(-1, 0))


@pytest.mark.parametrize(
    "alter",
    [
        lambda a: httpx.Response(a.status_code, headers=a.headers, content=a.content.replace(b"1", b"2")),
        lambda a: httpx.Response(a.status_code, content=a.content),
        lambda a: httpx.Response(204, headers=a.headers),
        lambda a: httpx.Response(404, headers=a.headers, content=a.content),
    ],
    ids=["changed body", "no proof", "changed status", "error in its place"],
)
def test_what_the_manager_did_not_sign_is_not_taken(
    world: World, app: ASGIApp, tmp_path: Path, alter: Alter
) -> None:
    client, wire = make(app, tmp_path / "a", token_for(world))

    async def story() -> None:
        await client.intent(-1, 0)
        wire.alter = alter
        with pytest.raises(ManagerUnavailableError, match="not signed by the manager"):
            await client.intent(-1, 0)
        await client.close()

    asyncio.run(story())


def test_an_old_answer_to_a_new_question_is_not_taken(world: World, app: ASGIApp, tmp_path: Path) -> None:
    client, wire = make(app, tmp_path / "a", token_for(world))
    kept: list[httpx.Response] = []

    def keep(answer: httpx.Response) -> httpx.Response:
        kept.append(answer)
        return answer

    async def story() -> None:
        wire.alter = keep
        await client.intent(-1, 0)
        old = kept[-1]
        wire.alter = lambda _: httpx.Response(old.status_code, headers=old.headers, content=old.content)
        with pytest.raises(ManagerUnavailableError, match="not signed"):
            await client.intent(-1, 0)
        await client.close()

    asyncio.run(story())


def test_a_stranger_cannot_play_the_manager(world: World, app: ASGIApp, tmp_path: Path) -> None:
    """Somebody with a manager of his own, at the manager's address, before the agent has enrolled."""
    token = token_for(world)
    stranger = World(tmp_path / "stranger.db")
    stranger.add_cells()
    with_his = create_app(stranger.manager, Access(signatures=Signatures(stranger.manager.enrolment)))
    client, wire = make(with_his, tmp_path / "a", token)
    with pytest.raises(ManagerRefusedError, match="enrolment refused"):
        run(client, lambda: client.intent(-1, 0))
    made_up = {"credential": {"serial": 1, "nonce": "0" * 64, "proof": "0" * 64}}
    client, wire = make(with_his, tmp_path / "b", token)
    wire.alter = lambda _: httpx.Response(200, json=made_up)
    with pytest.raises(ManagerUnavailableError, match="did not give the token out"):
        run(client, lambda: client.intent(-1, 0))
    assert not (tmp_path / "b" / "credential.json").exists()
    stranger.manager.context.database.close()


def test_a_request_cannot_be_repeated_or_changed_by_others(
    world: World, app: ASGIApp, tmp_path: Path
) -> None:
    client, wire = make(app, tmp_path / "a", token_for(world))
    report = obey(None, MAIN, 1)
    run(client, lambda: client.report(report))
    method, target, headers, body = wire.requests[-1]

    async def send(method: str, target: str, body: bytes, authorization: str) -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://manager"
        ) as anybody:
            sent = {"Content-Type": "application/json", "Authorization": authorization}
            return await anybody.request(method, target, content=body, headers=sent)

    signed = headers["authorization"]
    there = target.decode()
    for changed, code in (
        ((method, there, body, signed), "signature_used"),
        ((method, there, body + b" ", signed), "signature_wrong"),
        ((method, there + "?x=1", body, signed), "signature_wrong"),
        ((method, there.replace("main-gw1", "main-gw2"), body, signed), "not_enrolled"),
        (("GET", there.replace("report", "intent"), b"", signed), "signature_wrong"),
        ((method, there, body, ""), "signature_missing"),
        ((method, there, body, signed.replace("epoch=", "epoch=0")), "epoch_unknown"),
    ):
        answer = asyncio.run(send(*changed))
        assert answer.status_code == 401, answer.text
        assert answer.json()["errors"][0]["code"] == f"cell-network.agent.{code}"
        assert answer.headers["WWW-Authenticate"].startswith("Cellnet-Agent epoch=")


def test_one_agent_cannot_speak_for_another(world: World, app: ASGIApp, tmp_path: Path) -> None:
    client, _ = make(app, tmp_path / "a", token_for(world))
    run(client, lambda: client.intent(-1, 0))
    other, _ = make(app, tmp_path / "b", token_for(world, "main-gw2"))
    other._path = "/v1/agents/main/main-gw1"
    with pytest.raises(ManagerRefusedError):
        run(other, lambda: other.intent(-1, 0))


def test_counts_are_taken_once_in_any_order() -> None:
    window = proof.Window()
    assert [window.take(n) for n in (1, 3, 2, 2, 3, 1, 70, 6, 7, 7, 0, -1)] == [
        *(True, True, True, False, False, False),
        *(True, False, True, False, False, False),
    ]
    assert window.take(10**15)
    assert window.take(10**15 - 1)
    assert not window.take(70)


def test_enrolment_survives_a_new_life_of_the_manager_with_its_secret_only(world: World) -> None:
    from cellnet_core.manager.enrolment import Enrolment

    context = world.manager.context
    before = Enrolment(context, b"a" * 32)
    token = proof.parse_token(before.issue("main", "main-gw1").token)
    nonce = proof.new_nonce()
    said = proof.enrolment_proof(token, "main", "main-gw1", nonce)
    answer = before.exchange("main", "main-gw1", (token.serial, token.expires), nonce, said)
    key = proof.key(token, nonce, answer.manager_nonce)
    assert before.enrolled("main", "main-gw1").secret == key
    assert Enrolment(context, b"a" * 32).enrolled("main", "main-gw1").secret == key
    assert Enrolment(context, b"b" * 32).enrolled("main", "main-gw1").secret != key
    with pytest.raises(ConflictError):
        before.exchange(
            *("main", "main-gw1", (token.serial, token.expires), "1" * 64),
            proof.enrolment_proof(token, "main", "main-gw1", "1" * 64),
        )
    assert timedelta(seconds=3500) < before.issue("main", "gw9").expires_at - context.wall()


@pytest.mark.parametrize(
    "text", ["", "x", "cnea1.1.2", "cnea1.a.b.c", "cnea1.1.2.\x00", "cnt_abc", "cnea1.1.2.A"]
)
def test_what_is_no_token_says_so(text: str) -> None:
    with pytest.raises(proof.ProofError, match="enrolment token"):
        proof.parse_token(text)
