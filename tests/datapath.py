"""The datapath of the real switches of tests: as in labs, one without taps where none can be made."""

from __future__ import annotations

from simulator.doctor import machine

DATAPATH = machine.datapath()
DUMMY = ("--enable-dummy",) if DATAPATH == "dummy" else ()
"""What ovs-vswitchd needs for it."""
