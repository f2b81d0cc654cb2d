"""BFD towards a provider's router: to its own addresses, as soon as its MAC is known, for good."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from cellnet_core.drivers.openflow import ovsdb, switch
from cellnet_core.model.site import Peer, Site
from tests.unit.openflow import samples

FIBRES = samples.site(1)
MAC = "02:99:00:00:00:01"
SEEN = "02:99:00:00:00:77"


def site(mac: str | None) -> Site:
    """The first WAN port ends at a router."""
    port = FIBRES.wan[0]
    v4 = next(address for address in port.addresses if address.version == 4)
    peer = Peer(name="p1", asn=64601, addresses=(type(v4)((v4.ip + 1, v4.network.prefixlen)),), mac=mac)
    return FIBRES.model_copy(update={"wan": (port.model_copy(update={"peer": peer}), *FIBRES.wan[1:])})


def database(bfd: dict[str, str]) -> ovsdb.Database:
    empty: dict[str, Any] = {table: {} for table in ovsdb.COLUMNS}
    return {**empty, "Interface": {"i1": {"name": "wan1", "bfd": bfd}}}


def bfd_of(site_: Site, **given: Any) -> dict[str, str]:
    known = {}
    for port in switch.wanted_ports(site_, given.get("macs", {})):
        if port.name == "wan1":
            known = port.columns["bfd"]
    return known


def test_a_router_is_spoken_to_by_its_own_addresses() -> None:
    with_router = site(MAC)
    own = next(a for a in with_router.wan[0].addresses if a.version == 4)
    assert bfd_of(with_router, macs={"wan1": MAC}) == {
        "enable": "true",
        "min_tx": "10",
        "min_rx": "10",
        "mult": "3",
        "bfd_src_ip": str(own.ip),
        "bfd_dst_ip": str(own.ip + 1),
        "bfd_local_src_mac": with_router.wan[0].mac,
        "bfd_local_dst_mac": MAC,
    }
    assert "bfd_dst_ip" not in bfd_of(FIBRES)


def test_a_mac_is_quoted_for_ovs_vsctl() -> None:
    text = " ".join(switch.transaction(site(MAC), database({})).arguments)
    assert f'bfd_local_dst_mac="{MAC}"' in text
    assert f'bfd_local_src_mac="{FIBRES.wan[0].mac}"' in text


def test_towards_a_router_the_switch_is_kept_awake_on_the_bridges_own_port() -> None:
    bridge = FIBRES.ovs.bridge
    text = " ".join(switch.transaction(site(MAC), database({})).arguments)
    assert f"set interface {bridge} cfm_mpid=1 other_config:cfm_interval=10" in text
    assert f"add-port {bridge} {bridge}" not in text, "a bridge has its own port"
    assert "cfm" not in " ".join(switch.transaction(FIBRES, database({})).arguments)


def test_without_its_mac_nothing_is_sent_yet() -> None:
    assert "bfd_dst_ip" not in " ".join(switch.transaction(site(None), database({})).arguments)


def test_the_mac_that_the_kernel_sees_counts_and_stays_when_it_is_forgotten() -> None:
    text = " ".join(switch.transaction(site(None), database({}), {"wan1": SEEN}).arguments)
    assert f'bfd_local_dst_mac="{SEEN}"' in text
    text = " ".join(switch.transaction(site(MAC), database({}), {"wan1": SEEN}).arguments)
    assert f'bfd_local_dst_mac="{SEEN}"' in text
    text = " ".join(switch.transaction(site(None), database({"bfd_local_dst_mac": SEEN})).arguments)
    assert f'bfd_local_dst_mac="{SEEN}"' in text


def test_a_router_elsewhere_and_bfd_without_ipv4_are_refused() -> None:
    document = site(MAC).model_dump(mode="json")
    document["wan"][0]["peer"]["addresses"] = ["192.0.2.2/30"]
    with pytest.raises(ValidationError, match="in no subnet of wan1"):
        Site.model_validate(document)
    v6 = next(a for a in FIBRES.wan[0].addresses if a.version == 6)
    document["wan"][0]["peer"]["addresses"] = [f"{v6.ip + 7}/{v6.network.prefixlen}"]
    with pytest.raises(
        ValidationError, match="Open vSwitch sends BFD in IPv4 only; add the addresses or write"
    ):
        Site.model_validate(document)
    document["wan"][0]["bfd"] = None
    assert Site.model_validate(document).wan[0].peer is not None
