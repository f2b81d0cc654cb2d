"""Which userspace datapath the real switches of tests have: as labs, without taps where a user may make none."""

from __future__ import annotations

from simulator.doctor import machine

DATAPATH = machine.datapath()
DUMMY = ("--enable-dummy",) if DATAPATH == "dummy" else ()
"""What ovs-vswitchd needs for it."""
