"""Asks oslo.policy whether a caller may do something.

The library takes 0.2 s to import and reads its file's time at each question. So it is loaded when somebody
first comes to whom not everything is allowed anyway, and its answers are kept until a file changes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cellnet_core.northbound.access import policies
from cellnet_core.northbound.access.identity import AGENT, Identity

if TYPE_CHECKING:
    from oslo_policy.policy import Enforcer

FRESH = 1.0
"""Seconds that answers are kept before the policy file is looked at again."""
MOST = 10_000
"""Answers kept."""


class PolicyError(Exception):
    """The policy file cannot be used; the message says why."""


class Enforcement:
    """Decides. `policy_file` None: the defaults, by which an admin may do everything but what is agents'."""

    def __init__(
        self,
        policy_file: Path | None = None,
        now: Callable[[], float] = time.monotonic,
        *,
        load: bool = False,
    ) -> None:
        """`load`: at once, as everybody will come. Raises PolicyError."""
        self._file = policy_file
        self._now = now
        self._lock = threading.Lock()
        self._enforcer: Enforcer | None = None
        self._known: dict[tuple[str, Identity, tuple[str, ...]], bool] = {}
        self._until = 0.0
        self._stamp: tuple[int, int] | None = None
        if load or policy_file is not None:
            self._load()

    def allows(self, rule: str, identity: Identity, target: Mapping[str, str]) -> bool:
        """Whether the policy allows it. `target`: what the address names."""
        if self._file is None and _by_default(rule, identity, target):
            return True
        question = (rule, identity, tuple(target.values()))
        with self._lock:
            if self._now() > self._until:
                self._refresh()
            answer = self._known.get(question)
            if answer is None:
                if len(self._known) >= MOST:
                    self._known.clear()
                credentials = {
                    "user": identity.user,
                    "roles": list(identity.roles),
                    "connections": list(identity.connections),
                    "cell": identity.cell,
                    "gateway": identity.gateway,
                }
                answer = bool(self._load().enforce(rule, dict(target), credentials))
                self._known[question] = answer
        return answer

    def _refresh(self) -> None:
        self._until = self._now() + FRESH
        stamp = None
        if self._file is not None:
            try:
                status = self._file.stat()
            except OSError:
                pass  # gone: the library goes on with the rules it has read
            else:
                stamp = (status.st_mtime_ns, status.st_size)
        if stamp != self._stamp:
            self._stamp = stamp
            self._known.clear()

    def _load(self) -> Enforcer:
        if self._enforcer is None:
            self._enforcer = _enforcer(self._file)
        return self._enforcer


def _by_default(rule: str, identity: Identity, target: Mapping[str, str]) -> bool:
    """What the defaults allow in any case, known without the library (a test compares the two)."""
    if rule in policies.AGENTS_OWN:
        place = (target.get("cell"), target.get("gateway"))
        return AGENT in identity.roles and (identity.cell, identity.gateway) == place
    return "admin" in identity.roles or rule in policies.FOR_EVERYBODY


def _enforcer(policy_file: Path | None) -> Enforcer:
    from oslo_config import cfg
    from oslo_policy import policy

    conf = cfg.ConfigOpts()
    conf([], project="cellnet", default_config_files=[], default_config_dirs=[])
    name = None if policy_file is None else str(policy_file)
    if policy_file is not None and not policy_file.is_file():
        raise PolicyError(f"{policy_file}: there is no such policy file; name another, or none")
    enforcer = policy.Enforcer(conf, policy_file=name)
    rules = policies.list_rules()
    enforcer.register_defaults(rules)
    if policy_file is None:
        # It would look for a policy.yaml in the usual places otherwise; only one that was named counts.
        enforcer.set_rules({rule.name: rule.check for rule in rules}, use_conf=False)
    try:
        enforcer.load_rules()
        enforcer.check_rules(raise_on_violation=True)
    except (policy.InvalidDefinitionError, cfg.ConfigFilesPermissionDeniedError, ValueError) as error:
        raise PolicyError(f"{policy_file}: {error}; see policy.yaml.sample") from error
    return enforcer


def get_enforcer() -> Enforcer:
    """For oslo.policy's tools (`oslopolicy-list-redundant`, `oslopolicy-policy-generator`)."""
    return _enforcer(None)
