"""A BGP peer that says whatever it is told to: the node east's end of a session, octet by octet.

    python odd_peer.py --local 172.16.0.2 --open HEX --file UPDATES

Waits for calls on port 179, answers OPEN with OPEN and sends each line of the file (hex, whole messages) once
in every session; lines that are added later follow. What it hears is a line of JSON each on standard output.
A plain file, the standard library only.
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import struct
import time
from pathlib import Path

KEEPALIVE = b"\xff" * 16 + b"\x00\x13\x04"
POLL_S = 0.02


def say(kind: str, **detail: object) -> None:
    print(json.dumps({"kind": kind, **detail}), flush=True)


def messages(buffer: bytearray) -> list[tuple[int, bytes]]:
    """Whole messages at the front of the buffer, taken off it."""
    found = []
    while len(buffer) >= 19:
        length = struct.unpack_from("!H", buffer, 16)[0]
        if len(buffer) < length:
            break
        found.append((buffer[18], bytes(buffer[19:length])))
        del buffer[:length]
    return found


def session(connection: socket.socket, opening: bytes, file: Path) -> None:
    """Until the other side ends it."""
    connection.sendall(opening + KEEPALIVE)
    buffer, sent, alive, established = bytearray(), 0, time.monotonic(), False
    while True:
        if select.select([connection], [], [], POLL_S)[0]:
            chunk = connection.recv(65536)
            if not chunk:
                say("closed")
                return
            buffer += chunk
            for kind, body in messages(buffer):
                established = established or kind == 4
                if kind != 4:
                    say("heard", type=kind, octets=body.hex())
        if not established:
            continue
        lines = file.read_text().splitlines()
        for line in lines[sent:]:
            connection.sendall(bytes.fromhex(line))
        sent = len(lines)
        if time.monotonic() > alive + 1:
            connection.sendall(KEEPALIVE)
            alive = time.monotonic()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--local", required=True)
    parser.add_argument("--open", required=True)
    parser.add_argument("--file", type=Path, required=True)
    parsed = parser.parse_args()
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((parsed.local, 179))
        listener.listen(8)
        while True:
            connection, _ = listener.accept()
            say("called")
            try:
                with connection:
                    session(connection, bytes.fromhex(parsed.open), parsed.file)
            except OSError as error:
                say("broken", why=str(error))


if __name__ == "__main__":
    main()
