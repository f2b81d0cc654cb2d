"""What the rogue sends: broken in one place each, and nowhere else."""

from __future__ import annotations

import struct

import pytest

from bgp import rogue


def body(sort: str) -> tuple[bytes, bytes]:
    """(attributes as long as the message says, the rest)."""
    sent = rogue.broken(sort, "172.16.0.1", 65001, 65002)
    withdrawn, length = struct.unpack("!HH", sent[19:23])
    assert withdrawn == 0
    return sent[23 : 23 + length], sent[23 + length :]


@pytest.mark.parametrize("sort", [sort for sort in rogue.SORTS if sort not in ("marker", "length")])
def test_the_header_is_whole_where_something_else_is_broken(sort: str) -> None:
    sent = rogue.broken(sort, "172.16.0.1", 65001, 65002)
    assert sent[:16] == b"\xff" * 16
    assert struct.unpack("!HB", sent[16:19]) == (len(sent), rogue.UPDATE)


def test_each_sort_is_broken_as_its_name_says() -> None:
    assert rogue.broken("marker", "172.16.0.1", 65001, 65002)[:16] == b"\0" * 16
    assert struct.unpack("!H", rogue.broken("length", "172.16.0.1", 65001, 65002)[16:18]) == (18,)
    sent = rogue.broken("attribute-length", "172.16.0.1", 65001, 65002)
    assert struct.unpack("!H", sent[21:23])[0] > len(sent)
    attributes, nlri = body("unknown-well-known")
    assert attributes[-4:-2] == bytes([0x40, 99])  # well-known, and of no type that exists
    assert nlri == rogue.PREFIX
    assert body("origin")[0][:4] == bytes([0x40, 1, 1, 7])
    assert bytes([0x40, 3]) not in body("next-hop-missing")[0]
    assert body("nlri")[1] == bytes([24, 198])
    assert struct.pack("!HH", 65001, 65002) in body("as-loop")[0]


def test_large_numbers_are_said_as_rfc_6793_wants() -> None:
    opening = rogue.open_message(4_200_000_000, "10.0.1.1")
    assert struct.unpack("!H", opening[20:22]) == (rogue.TRANS_AS,)
    assert struct.unpack("!H", opening[16:18]) == (len(opening),)
