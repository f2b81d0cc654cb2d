"""Addresses as numbers say the same of each other as the standard library's values do."""

from __future__ import annotations

from ipaddress import ip_interface, ip_network

from hypothesis import given
from hypothesis import strategies as st

from cellnet_core.manager import addresses


@st.composite
def near_each_other(draw: st.DrawFn) -> tuple[str, str]:
    """Two addresses with prefix lengths, mostly of one family, that share most of their bits."""
    texts = []
    base = draw(st.integers(0, 2**128 - 1))
    for _ in range(2):
        bits = draw(st.sampled_from((32, 32, 32, 128)))
        number = (base >> (128 - bits)) ^ draw(st.sampled_from((0, 0, 1, 2, 3, 4, 255, 256, 65536)))
        length = bits - draw(st.sampled_from((0, 1, 2, 2, 3, 8, 9, 16, bits)))
        texts.append(str(ip_interface((number, length))) if bits == 32 else _six(number, length))
    return texts[0], texts[1]


def _six(number: int, length: int) -> str:
    return str(ip_interface((number.to_bytes(16), length)))


@given(near_each_other())
def test_two_hosts_of_one_subnet(pair: tuple[str, str]) -> None:
    one, other = map(ip_interface, pair)
    assert addresses.share_subnet(*pair) == (one.network == other.network and one.ip != other.ip)


@given(near_each_other())
def test_two_prefixes_with_an_address_in_common(pair: tuple[str, str]) -> None:
    one, other = (ip_network(text, strict=False) for text in pair)
    same_family = one.version == other.version
    assert addresses.overlaps(str(one), str(other)) == (same_family and one.overlaps(other))
