"""The manager's configuration by oslo.config: the same values, and a sample that is up to date."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cellnet_core.northbound import configuration, options
from cellnet_core.northbound.configuration import ConfigurationError

ROOT = Path(__file__).parents[3]
PROGRAMS = Path(sys.executable).parent
FILE = """
[manager]
database = /tmp/m.db
unix_socket = /tmp/m.sock
listen = 127.0.0.1:9790
tokens = /tmp/tokens
cells = cells.yaml
agent_secret = /tmp/agent.secret
[tls]
certificate = /tmp/crt
key = /tmp/key
"""


def test_the_same_values_as_in_yaml(tmp_path: Path) -> None:
    (tmp_path / "cells.yaml").write_text("cells: [{name: main, asn: 65001}]")
    (tmp_path / "manager.conf").write_text(FILE)
    (tmp_path / "manager.yaml").write_text(
        "{database: /tmp/m.db, unix_socket: /tmp/m.sock, listen: '127.0.0.1:9790', tokens: /tmp/tokens,"
        " cells: cells.yaml, agent_secret: /tmp/agent.secret, tls: {certificate: /tmp/crt, key: /tmp/key}}"
    )
    assert options.load(tmp_path / "manager.conf") == configuration.load(tmp_path / "manager.yaml")


def test_an_empty_file_has_usable_defaults(tmp_path: Path) -> None:
    (tmp_path / "manager.conf").write_text("")
    found = options.load(tmp_path / "manager.conf")
    assert (found.unix_socket, found.listen, found.agents_enrolled) == (
        *("/run/cellnet/manager.sock", None, False),
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[manager]\nlissten = x\n", r"unknown \[manager\] lissten; see manager.conf.sample"),
        ("[manager]\nagents = perhaps\n", "perhaps"),
        ("[manager]\nlisten = nowhere\n", "is no address"),
        ("[tls]\ncertificate = /x\n", "tls.key"),
        ("[manager\n", "manager.conf"),
        ("[manager]\ncells = nothing.yaml\n", "cannot be read"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "manager.conf"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=problem):
        options.load(path)


def test_tokens_want_enrolled_agents_and_these_a_secret(tmp_path: Path) -> None:
    path = tmp_path / "manager.yaml"
    path.write_text("{database: /tmp/m.db, unix_socket: /tmp/m.sock, tokens: /tmp/tokens}")
    with pytest.raises(ConfigurationError, match="agent_secret has to name a file"):
        configuration.load(path)


@pytest.mark.parametrize(
    ("program", "namespace", "sample"),
    [
        ("oslo-config-generator", "cellnet.manager", "manager.conf.sample"),
        ("oslopolicy-sample-generator", "cellnet", "policy.yaml.sample"),
    ],
)
def test_samples_are_up_to_date(program: str, namespace: str, sample: str) -> None:
    made = subprocess.run(
        [PROGRAMS / program, "--namespace", namespace], capture_output=True, text=True, timeout=60, check=True
    )
    kept = (ROOT / "etc" / "cellnet" / sample).read_text()
    assert made.stdout == kept, f"{program} --namespace {namespace} > etc/cellnet/{sample}"
