"""What a gateway is given as text, word by word, and checked by Open vSwitch's own parser."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from cellnet_core.drivers.openflow import ovsdb, quiet, switch
from cellnet_core.openflow import base, copies, diff, pipeline, render
from cellnet_core.openflow.values import Tables
from tests.openflow_model import after
from tests.unit.openflow import samples

HERE = Path(__file__).parent
SITE = samples.site(1)


def tables() -> Tables:
    wanted = pipeline.expand(samples.intent(1), SITE)
    return after(Tables(), *(change.mod for change in diff.changes(wanted, Tables())))


def base_flows() -> str:
    return render.render_flows(base.flows(SITE))


def routing() -> str:
    full = tables()
    flows = render.render_flows(flow for flow in full.flows if flow.table == base.ROUTING)
    return flows + "".join(
        f"{render.render_group(part)}\n" for group in full.groups for part in copies.groups_of(group)
    )


def transaction() -> str:
    empty: ovsdb.Database = {table: {} for table in ovsdb.COLUMNS}
    arguments = switch.transaction(SITE, empty).arguments
    return shlex.join(arguments).replace(" -- ", "\n-- ") + "\n"


def kernel_quiet() -> str:
    return quiet.render(quiet.physical_ports(SITE))


@pytest.mark.parametrize("render_text", [base_flows, routing, transaction, kernel_quiet])
def test_golden(render_text) -> None:  # type: ignore[no-untyped-def]
    golden = HERE / f"{render_text.__name__}.txt"
    assert render_text() == golden.read_text(), f"if the change is meant, write it to {golden}"


@pytest.mark.daemon
def test_open_vswitch_reads_the_flows_as_they_are_meant(tmp_path: Path) -> None:
    flows = tmp_path / "flows"
    flows.write_text(base_flows())
    read = subprocess.run(
        ["ovs-ofctl", "-O", "OpenFlow13", "parse-flows", flows], capture_output=True, text=True
    )
    assert read.returncode == 0, read.stderr
    assert len([line for line in read.stdout.splitlines() if "FLOW_MOD" in line]) == len(base.flows(SITE))
