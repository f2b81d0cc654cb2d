"""Honest fakes of a speaker and a gateway: in memory, by the same contract, failing on demand.

A fake keeps its device apart from the driver: `observe` tells what the device has, whoever changed it.
Failures are asked for through `faults` and the device's own methods (`restart`, `lose`, `plant`). Speakers
that are given the same `FakeWan` learn each other's announcements. Must not know what it is used for.
"""

from cellnet_core.drivers.fake_device import FakeDevice, Faults
from cellnet_core.drivers.fake_forwarding import FakeForwarding, FakeTables
from cellnet_core.drivers.fake_speaker import FakeSpeaker, FakeWan

__all__ = ["FakeDevice", "FakeForwarding", "FakeSpeaker", "FakeTables", "FakeWan", "Faults"]
