"""The manager's configuration as oslo.config has it: an INI file like those of other OpenStack services.

    oslo-config-generator --namespace cellnet.manager

writes a sample. The same values as `configuration.py` (where each is checked), by the same names; the library
is imported only for such a file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cellnet_core.manager.pruning import Limits
from cellnet_core.northbound import configuration
from cellnet_core.northbound.configuration import Configuration, ConfigurationError

if TYPE_CHECKING:
    from oslo_config import cfg

GROUP = "manager"
SUFFIX = ".conf"
"""A configuration with this suffix is one of these; any other is YAML or JSON."""


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """For oslo.config and its generator."""
    from oslo_config import cfg

    manager: list[cfg.Opt] = [
        cfg.StrOpt(
            "database",
            default="/var/lib/cellnet/manager.db",
            secret=True,
            help="A path (SQLite), or the URL of a database such as postgresql+psycopg://cellnet@db/cellnet.",
        ),
        cfg.StrOpt(
            "unix_socket",
            default="/run/cellnet/manager.sock",
            help="For users of this machine who may open it (mode 600). They are admins without a token.",
        ),
        cfg.StrOpt(
            "listen",
            help="HOST:PORT for agents and for users elsewhere. Without it there are none.",
            sample_default="100.64.0.1:9790",
        ),
        cfg.StrOpt(
            "cells",
            help="YAML or JSON file with a list of cells, which are declared at start if they are missing.",
            sample_default="/etc/cellnet/cells.yaml",
        ),
        cfg.StrOpt(
            "journal",
            help="File that takes events as JSON lines.",
            sample_default="/var/log/cellnet/manager.jsonl",
        ),
        cfg.StrOpt(
            "tokens",
            help="File of users, their roles, and hashes of their tokens (`cellnet token create`). Without "
            "it everybody who reaches `listen` is an admin: for labs only.",
            sample_default="/etc/cellnet/tokens",
        ),
        cfg.StrOpt(
            "policy",
            help="File that overrides who may do what (`oslopolicy-sample-generator --namespace cellnet`).",
            sample_default="/etc/cellnet/policy.yaml",
        ),
        cfg.StrOpt(
            "agents",
            choices=[
                ("enrolled", "agents show who they are, by a credential got with a one-time token"),
                ("open", "everybody who reaches `listen` may speak for any agent: for labs only"),
            ],
            help="The default is `enrolled` where there are tokens, else `open`.",
        ),
        cfg.StrOpt(
            "agent_secret",
            default="/var/lib/cellnet/agent.secret",
            help="File with the secret that agents' credentials follow from; made at the first start. Keep "
            "it with the database: without it every agent has to enrol anew.",
        ),
    ]
    tls: list[cfg.Opt] = [
        cfg.StrOpt(
            "certificate",
            help="PEM file with the certificate (and chain) of `listen`. Without it there is no TLS.",
            sample_default="/etc/cellnet/manager.crt",
        ),
        cfg.StrOpt("key", help="PEM file with its key.", sample_default="/etc/cellnet/manager.key"),
    ]
    limits = Limits()
    keep: list[cfg.Opt] = [
        cfg.IntOpt(
            "events",
            default=limits.events,
            min=1000,
            help="The newest so many events are kept. Listeners that come back later are told so.",
        ),
        cfg.FloatOpt(
            "events_days", default=limits.events_days, help="And none that is older than so many days."
        ),
        cfg.IntOpt(
            "drifts",
            default=limits.drifts,
            min=100,
            help="The newest so many drifts that are over are kept; those that are there still always are.",
        ),
        cfg.FloatOpt(
            "drifts_days", default=limits.drifts_days, help="And none that was over so many days ago."
        ),
    ]
    return [(GROUP, manager), ("tls", tls), ("keep", keep)]


def load(path: Path) -> Configuration:
    """Read and check a file. Raises ConfigurationError."""
    from oslo_config import cfg

    conf = cfg.ConfigOpts()
    for group, options in list_opts():
        conf.register_opts(options, group=group)
    try:
        conf([], project="cellnet", default_config_files=[str(path)], default_config_dirs=[])
        unknown = _unknown(path)
        document: dict[str, Any] = {name: value for name, value in conf[GROUP].items() if value is not None}
        tls = {name: value for name, value in conf.tls.items() if value is not None}
        document["keep"] = dict(conf.keep.items())
    except (cfg.Error, ValueError) as error:
        raise ConfigurationError(f"{path}: {error}") from error
    if unknown:
        raise ConfigurationError(f"{path}: unknown {', '.join(unknown)}; see manager.conf.sample")
    if tls:
        document["tls"] = tls
    if "cells" in document:
        document["cells"] = configuration.cells_of(path.parent / document["cells"])
    return configuration.validate(document, str(path))


def _unknown(path: Path) -> list[str]:
    """What oslo.config would pass over in silence: a misspelt option is none."""
    from oslo_config import cfg

    known = {(group, option.dest) for group, options in list_opts() for option in options}
    sections: dict[str, dict[str, list[str]]] = {}
    cfg.ConfigParser(str(path), sections).parse()
    return [
        f"[{section}] {name}"
        for section, values in sections.items()
        for name in values
        if (section, name) not in known
    ]
