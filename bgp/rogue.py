"""A rogue BGP speaker: takes an address's place, reaches ESTABLISHED, and sends UPDATEs that are broken.

    python bgp/rogue.py --local 172.16.0.1 --peer 172.16.0.2 --local-as 65001 --peer-as 65002
                        --router-id 10.0.1.1 --sort nlri [--journal FILE] [--seconds 600]

For labs, inside a namespace, to see what the true speaker at the other end does. It listens and connects, so
it does not matter which end is passive. It sends the UPDATE once a second while the session lasts; after a
session that the peer ended it comes back, at most once a second. It offers no graceful restart, so one that
kept routes for the true speaker's return lets them go. READY=1 goes to $NOTIFY_SOCKET once the first broken
UPDATE is out. Runs as a plain file; the standard library only.
"""

from __future__ import annotations

import argparse
import json
import selectors
import socket
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

if __package__:
    from bgp.relay import notify
else:  # as a plain file, from its own directory
    from relay import notify  # type: ignore[import-not-found,no-redef]  # one of two packages, by where it runs

PORT = 179
HOLD_SECONDS = 90
MARKER = b"\xff" * 16
OPEN, UPDATE, NOTIFICATION, KEEPALIVE = 1, 2, 3, 4
PAUSE = 1.0
HANDSHAKE_WITHIN = 5.0
CONNECT_WITHIN = 0.5
TRANS_AS = 23456
"""Stands in OPEN for a number of four octets (RFC 6793 section 9), which this speaker cannot say."""

PREFIX = bytes([24, 198, 51, 100])
"""198.51.100.0/24, for documentation (RFC 5737): what a broken UPDATE would announce."""


class EndedError(Exception):
    """The session ended; the message says how."""


# --- messages -----------------------------------------------------------------------------------------


def message(kind: int, body: bytes = b"") -> bytes:
    """RFC 4271 section 4.1."""
    return MARKER + struct.pack("!HB", 19 + len(body), kind) + body


def open_message(local_as: int, router_id: str) -> bytes:
    """With one capability: IPv4 unicast (RFC 4760)."""
    asn = local_as if local_as < 65536 else TRANS_AS
    capability = bytes([2, 6, 1, 4, 0, 1, 0, 1])
    head = struct.pack("!BHH4sB", 4, asn, HOLD_SECONDS, socket.inet_aton(router_id), len(capability))
    return message(OPEN, head + capability)


def attribute(flags: int, kind: int, value: bytes) -> bytes:
    """A path attribute with a length of one octet."""
    return struct.pack("!BBB", flags, kind, len(value)) + value


def update(attributes: bytes, nlri: bytes = PREFIX, length: int | None = None) -> bytes:
    """An UPDATE without withdrawals; `length` is what it says of its attributes, right or not."""
    said = len(attributes) if length is None else length
    return message(UPDATE, struct.pack("!HH", 0, said) + attributes + nlri)


def broken(sort: str, local: str, local_as: int, peer_as: int) -> bytes:
    """The UPDATE of that sort; see `SORTS`."""

    def path(*numbers: int) -> bytes:  # two octets each, as to a peer without RFC 6793
        short = [number if number < 65536 else TRANS_AS for number in numbers]
        return attribute(0x40, 2, struct.pack(f"!BB{len(short)}H", 2, len(short), *short))

    origin, hop = attribute(0x40, 1, b"\0"), attribute(0x40, 3, socket.inet_aton(local))
    good = origin + path(local_as) + hop
    whole = update(good)
    made: dict[str, Callable[[], bytes]] = {
        "marker": lambda: b"\0" * 16 + whole[16:],
        "length": lambda: MARKER + struct.pack("!HB", 18, UPDATE),
        "attribute-length": lambda: update(good, length=len(good) + 500),
        "unknown-well-known": lambda: update(good + attribute(0x40, 99, b"\0")),
        "origin": lambda: update(attribute(0x40, 1, b"\x07") + path(local_as) + hop),
        "next-hop-missing": lambda: update(origin + path(local_as)),
        "nlri": lambda: update(good, nlri=bytes([24, 198])),
        "as-loop": lambda: update(origin + path(local_as, peer_as) + hop),
    }
    return made[sort]()


SORTS = (
    *("marker", "length", "attribute-length", "unknown-well-known"),
    *("origin", "next-hop-missing", "nlri", "as-loop"),
)


# --- the session ----------------------------------------------------------------------------------------


class Session:
    """One TCP connection, from OPEN to its end."""

    def __init__(self, connection: socket.socket, say: Callable[..., None]) -> None:
        self._connection = connection
        self._say = say
        self._received = b""

    def establish(self, opening: bytes) -> None:
        """Both OPENs and both first KEEPALIVEs. Raises EndedError."""
        self._connection.settimeout(HANDSHAKE_WITHIN)
        self._send(opening)
        for wanted in (OPEN, KEEPALIVE):
            kind, _ = self._read()
            if kind != wanted:
                raise EndedError(f"a message of type {kind} where {wanted} was due")
            if kind == OPEN:
                self._send(message(KEEPALIVE))

    def send(self, broken_update: bytes) -> None:
        """Raises EndedError."""
        self._send(broken_update)

    def keep(self, deadline: float, broken_update: bytes) -> None:
        """Send it again every second until the peer ends the session (EndedError) or the time has come."""
        while time.monotonic() < deadline:
            again = time.monotonic() + PAUSE
            while (left := again - time.monotonic()) > 0:
                self._connection.settimeout(left)
                try:
                    self._read()
                except TimeoutError:
                    break
            self._send(message(KEEPALIVE) + broken_update)

    def _send(self, octets: bytes) -> None:
        try:
            self._connection.sendall(octets)
        except OSError as error:
            raise EndedError(str(error)) from error

    def _read(self) -> tuple[int, bytes]:
        """The next message. Raises TimeoutError, after which it can be asked for again."""
        self._fill(19)
        length, kind = struct.unpack("!HB", self._received[16:19])
        self._fill(length)
        body, self._received = self._received[19:length], self._received[length:]
        if kind == NOTIFICATION:
            code, subcode = body[:2]
            self._say("rogue-heard", notification=[code, subcode])
            raise EndedError(f"NOTIFICATION {code}/{subcode}")
        return kind, body

    def _fill(self, count: int) -> None:
        while len(self._received) < count:
            try:
                chunk = self._connection.recv(65536)
            except TimeoutError:
                raise
            except OSError as error:
                raise EndedError(str(error)) from error
            if not chunk:
                raise EndedError("the peer closed the connection")
            self._received += chunk


def meet(listener: socket.socket, local: str, peer: str, deadline: float) -> socket.socket:
    """A connection with the peer, by whoever calls first. Raises EndedError at the deadline."""
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    while time.monotonic() < deadline:
        calling = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        calling.settimeout(CONNECT_WITHIN)
        try:
            calling.bind((local, 0))
            calling.connect((peer, PORT))
        except OSError:
            calling.close()
        else:
            return calling
        if selector.select(CONNECT_WITHIN):
            called, (address, _) = listener.accept()
            if address == peer:
                return called
            called.close()
    raise EndedError(f"no connection with {peer}")


def run(parsed: argparse.Namespace, say: Callable[..., None]) -> None:
    """Session after session until the time is over."""
    opening = open_message(parsed.local_as, parsed.router_id)
    wrong = broken(parsed.sort, parsed.local, parsed.local_as, parsed.peer_as)
    deadline = time.monotonic() + parsed.seconds
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((parsed.local, PORT))
        listener.listen(4)
        while time.monotonic() < deadline:
            began = time.monotonic()
            try:
                with meet(listener, parsed.local, parsed.peer, deadline) as connection:
                    session = Session(connection, say)
                    session.establish(opening)
                    say("rogue-established")
                    session.send(wrong)
                    say("rogue-sent", sort=parsed.sort, octets=wrong.hex())
                    notify("READY=1")
                    session.keep(deadline, wrong)
            except (EndedError, TimeoutError) as error:
                say("rogue-ended", why=str(error))
            time.sleep(max(0.0, began + PAUSE - time.monotonic()))


def main() -> None:
    """Command line; see above."""
    parser = argparse.ArgumentParser(prog="bgp.rogue", description="A BGP speaker that sends broken UPDATEs.")
    parser.add_argument("--local", required=True)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--local-as", type=int, required=True)
    parser.add_argument("--peer-as", type=int, required=True)
    parser.add_argument("--router-id", required=True)
    parser.add_argument("--sort", choices=SORTS, required=True)
    parser.add_argument("--journal", type=Path)
    parser.add_argument("--seconds", type=float, default=600.0, help="end by itself after so long")
    parsed = parser.parse_args()
    source = f"rogue/{parsed.local}"

    def say(kind: str, **detail: object) -> None:
        line = json.dumps({"t": round(time.monotonic(), 6), "source": source, "kind": kind, "detail": detail})
        sys.stderr.write(line + "\n")
        if parsed.journal is not None:
            with parsed.journal.open("a", encoding="utf-8") as journal:
                journal.write(line + "\n")

    run(parsed, say)


if __name__ == "__main__":
    main()
