"""The formulas behind every name, address, MAC, datapath id and AS number, and the limits they set.

Pure arithmetic over positions: cell `n`, gateway `k`, host `h`, WAN path `path`, all counted from 1. In IPv6
addresses the decimal digits of a number are written as they are (host 21 is ::21), so that both families of
a node read alike; this is why the limits below are what they are.
"""

from __future__ import annotations

import uuid
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network, ip_interface, ip_network

from topologies.model import Interface, Network

MAX_CELLS = 250  # one byte of the management address, the MACs and the cell's prefix
MAX_GATEWAYS = 8  # .1 to .8; the health addresses begin at .11
MAX_HOSTS = 200  # .21 to .220
MAX_PATHS_PER_LINK = 64
MAX_PATHS = 9_999  # four decimal digits in one group of the IPv6 link prefix
MAX_ROUTERS = 64
MAX_CELL_NAME = 24
MAX_TOPOLOGY_NAME = 32
# A name with spaces or capitals could be neither host name nor part of a socket's path.
NAME_PATTERN = r"[a-z]([a-z0-9-]*[a-z0-9])?"

MANAGEMENT_NODE = "mgmt"  # the plain Ethernet segment all management links end at
MANAGEMENT = IPv4Network("100.64.0.0/16")
CONTROL = IPv4Network("192.168.254.0/30")  # the same in every cell: it never leaves it
ROUTER_IDS = IPv4Network("100.127.0.0/16")  # on no interface; gateways have their cell's addresses
WAN_V4 = IPv4Network("172.16.0.0/12")
WAN_V6 = IPv6Network("fdce:11:ffff::/48")

FIRST_ASN = 65_000
FIRST_ROUTER_ASN = 64_600  # no cell is that far down, and no router so far up
_CELL_IDS = uuid.uuid5(uuid.NAMESPACE_DNS, "cell.cellnet")


def digits(number: int) -> int:
    """The value of the hexadecimal group that reads like the decimal number: 21 gives 0x21."""
    return int(str(number), 16)


def cell_uuid(topology: str, cell: str) -> uuid.UUID:
    """The same for the same names, on every machine (RFC 4122 version 5)."""
    return uuid.uuid5(_CELL_IDS, f"{topology}/{cell}")


def cell_asn(n: int) -> int:
    """A private AS number (RFC 6996)."""
    return FIRST_ASN + n


def router_asn(number: int) -> int:
    """A private AS number (RFC 6996) for provider's router `number`: each is a provider of its own."""
    return FIRST_ROUTER_ASN + number


def router_id(number: int) -> str:
    """The BGP identifier of a provider's router; no interface has this address."""
    return str(ROUTER_IDS[number])


def cell_prefixes(n: int) -> tuple[IPv4Network, IPv6Network]:
    """The prefixes of a cell that names none: 10.0.n.0/24 and fdce:11:0:n::/64."""
    return IPv4Network(f"10.{n // 256}.{n % 256}.0/24"), IPv6Network(f"fdce:11:0:{n}::/64")


def reserve(n: int) -> IPv4Network:
    """A prefix that is kept for a cell and not in use: it may announce it one day, and providers take it."""
    return IPv4Network(f"10.200.{n}.0/24")


def inside(prefix: Network, number: int) -> Interface:
    """Address `number` of a prefix, with the prefix's length."""
    offset = number if prefix.version == 4 else digits(number)
    return ip_interface(f"{prefix.network_address + offset}/{prefix.prefixlen}")


def gateway_addresses(prefixes: tuple[Network, ...], k: int) -> tuple[Interface, ...]:
    """The addresses hosts route through."""
    return tuple(inside(prefix, k) for prefix in prefixes)


def health_addresses(prefixes: tuple[Network, ...], k: int) -> tuple[Interface, ...]:
    """The addresses that answer health checks from other cells, as /32 and /128."""
    return tuple(ip_interface(inside(prefix, 10 + k).ip) for prefix in prefixes)


def host_number(h: int) -> int:
    """The number inside the prefix of a host that names no address."""
    return 20 + h


def highest_number(gateways: int, derived_hosts: int) -> int:
    """The highest number a cell uses inside a prefix; `derived_hosts` is the last host without an address."""
    return host_number(derived_hosts) if derived_hosts else 10 + gateways


def wan_addresses(path: int) -> tuple[tuple[Interface, ...], tuple[Interface, ...]]:
    """The addresses of both ends of a WAN path: a /30 and a /64, first end lower."""
    v4 = ip_network((int(WAN_V4.network_address) + 4 * (path - 1), 30))
    v6 = IPv6Network(f"fdce:11:ffff:{path}::/64")
    return (inside(v4, 1), inside(v6, 1)), (inside(v4, 2), inside(v6, 2))


def wan_path(address: IPv4Interface | IPv6Interface) -> int:
    """The number of the path that an IPv4 address of `wan_addresses` belongs to."""
    return (int(address.network.network_address) - int(WAN_V4.network_address)) // 4 + 1


def management_address(n: int, k: int) -> IPv4Interface:
    """Gateway `k` of cell `n` on the management segment."""
    return IPv4Interface((MANAGEMENT.network_address + 256 * n + k, MANAGEMENT.prefixlen))


def manager_address() -> IPv4Interface:
    """The manager on the management segment."""
    return IPv4Interface((MANAGEMENT.network_address + 1, MANAGEMENT.prefixlen))


def datapath_id(n: int, k: int) -> int:
    """The OpenFlow datapath id of a gateway's switch: the low two bytes are cell and gateway."""
    return 0xCE11_0000_0000 | n << 8 | k


class Mac:
    """Locally administered MACs. The third byte says what carries it, the rest which one; so none repeats."""

    @staticmethod
    def _of(role: int, x: int, y: int, z: int) -> str:
        return f"02:ce:{role:02x}:{x:02x}:{y:02x}:{z:02x}"

    @classmethod
    def router(cls, n: int, k: int) -> str:
        """A gateway's own MAC inside its cell."""
        return cls._of(0x10, 0, n, k)

    @classmethod
    def host(cls, n: int, h: int) -> str:
        """A host's interface."""
        return cls._of(0x20, 0, n, h)

    @classmethod
    def lan_port(cls, n: int, k: int, port: int) -> str:
        """The bare LAN port of a gateway."""
        return cls._of(0x21, n, k, port)

    @classmethod
    def wan(cls, path: int, end: int) -> str:
        """What carries the addresses of end 0 or 1 of a WAN path."""
        return cls._of(0x30, end, path >> 8, path & 0xFF)

    @classmethod
    def wan_port(cls, path: int, end: int) -> str:
        """The bare WAN port at end 0 or 1 of a path."""
        return cls._of(0x31, end, path >> 8, path & 0xFF)

    @classmethod
    def management(cls, n: int, k: int, end: int) -> str:
        """End 0 (the node) or 1 (the segment) of a management link; cell 0 is the manager."""
        return cls._of(0x40 + end, 0, n, k)

    @classmethod
    def control(cls, n: int, k: int, end: int) -> str:
        """End 0 (gateway) or 1 (controller node) of a control link."""
        return cls._of(0x50 + end, 0, n, k)
