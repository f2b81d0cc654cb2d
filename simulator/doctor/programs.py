"""Which daemons and libraries are there, in which version: asked, not guessed from package lists."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from simulator import firewall
from simulator.doctor.findings import LAB, Finding
from simulator.doctor.kernel import INSTALL, environment

SECONDS = 10.0
_VERSION = re.compile(r"v?(\d+\.\d+[\w.+~-]*)")


@dataclass(frozen=True, slots=True)
class Program:
    """A program on the path (or at one of `places`) that says its version."""

    name: str
    needed_for: str
    package: str
    arguments: tuple[str, ...] = ("--version",)
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Library:
    """A Python distribution that must be in this environment."""

    name: str
    needed_for: str


PROGRAMS = (
    Program("ovs-vswitchd", LAB, "openvswitch-switch"),
    Program("ovsdb-server", LAB, "openvswitch-switch"),
    Program("ovs-ofctl", LAB, "openvswitch-switch"),
    Program("nft", LAB, "nftables"),
    Program("ethtool", "optional", "ethtool"),
    Program("tcpdump", "capture", "tcpdump"),
    Program("frr", "daemon:frr", "frr", places=("/usr/lib/frr/bgpd",)),
    Program("bird", "daemon:bird", "bird2"),
    Program("gobgpd", "daemon:gobgp", "gobgpd"),
)
LIBRARIES = (
    Library("exabgp", LAB),
    Library("ryu", LAB),
    Library("os-ken", "daemon:os-ken"),
)


def find(program: Program) -> Finding:
    """Ask the program for its version."""
    path = next((place for place in program.places if Path(place).exists()), None)
    path = path or shutil.which(program.name, path=environment()["PATH"])
    remedy = INSTALL.format(program.package)
    if path is None:
        return Finding(
            program.name, ok=False, detail="not found", needed_for=program.needed_for, remedy=remedy
        )
    try:
        done = subprocess.run(
            [path, *program.arguments],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env=environment(),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(
            program.name, ok=False, detail=str(error), needed_for=program.needed_for, remedy=remedy
        )
    version = _VERSION.search(done.stdout + done.stderr)
    if version is None:
        detail = f"{path} says no version: {(done.stderr or done.stdout).strip()[:80]!r}"
        return Finding(program.name, ok=False, detail=detail, needed_for=program.needed_for, remedy=remedy)
    return Finding(program.name, ok=True, detail=version[1], needed_for=program.needed_for)


def find_library(library: Library) -> Finding:
    """Its version as installed in this environment."""
    try:
        version = importlib.metadata.version(library.name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(
            library.name,
            ok=False,
            detail=f"not installed for {sys.executable}",
            needed_for=library.needed_for,
            remedy="`make setup` installs it",
        )
    return Finding(library.name, ok=True, detail=version, needed_for=library.needed_for)


def find_libnftables(library: str = firewall.LIBRARY) -> Finding:
    """The library that faults set their rules by, without starting a program."""
    missing = firewall.missing(library)
    return Finding(
        "libnftables",
        ok=not missing,
        detail=missing or "can be loaded: faults take hold within a millisecond",
        needed_for="fault:blackhole,oneway,loss,flap,partition,isolate",
        remedy=INSTALL.format("libnftables1") if missing else "",
    )


def find_mininet() -> Finding:
    """Debian's package, made visible in this environment; it is not on the package index. Not imported."""
    spec = importlib.util.find_spec("mininet")
    if spec is None or not spec.submodule_search_locations:
        return Finding(
            "mininet",
            ok=False,
            detail=f"not visible to {sys.executable}",
            needed_for=LAB,
            remedy="`make setup` installs Debian's package mininet and links it into .venv",
        )
    if importlib.util.find_spec("distutils") is None:
        return Finding(
            "mininet",
            ok=False,
            detail="it imports distutils, which Python 3.12 and newer have not",
            needed_for=LAB,
            remedy="`make setup` installs setuptools, which brings it",
        )
    source = Path(spec.submodule_search_locations[0]) / "net.py"
    version = re.search(r'^VERSION = "([^"]+)"', source.read_text(encoding="utf-8"), re.MULTILINE)
    return Finding("mininet", ok=True, detail=version[1] if version else "present", needed_for=LAB)
