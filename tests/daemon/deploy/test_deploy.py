"""Outside a lab: daemons from their command lines, on machines whose Open vSwitch serves others."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.daemon.openflow.sandbox import ROOT, UNSHARE
from tests.datapath import DATAPATH

pytestmark = [pytest.mark.daemon, pytest.mark.timeout(300)]


@pytest.mark.skipif(
    DATAPATH == "dummy", reason="the others' bridge has a tap: chmod 666 /dev/net/tun, or run as root"
)
def test_installed_by_hand_beside_others() -> None:
    """TLS, tokens, enrolment, a connection, packets, restarted agents; others' bridges are as before."""
    command = [*UNSHARE, sys.executable, "-m", "tests.daemon.deploy.story"]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=290
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout
