"""The ways in which a lab can refuse or fail, each with the exit status of a command that meets it.

`code` is the word that crosses the daemon's socket; the client raises the class with the same code. Every
message tells the reader what to do next.
"""

from __future__ import annotations


class LabError(Exception):
    """A lab could not do what it was asked. Exit status 1."""

    code = "failed"
    exit_code = 1


class LabUsageError(LabError):
    """The request itself is wrong: repeat it in another form. Exit status 2."""

    code = "usage"
    exit_code = 2


class UnknownTargetError(LabUsageError):
    """There is no such node, link, service, fault or process in the lab. The message names what there is."""

    code = "unknown-target"


class NameTakenError(LabUsageError):
    """A lab of that name exists, alive or dead."""

    code = "name-taken"


class NoSuchLabError(LabUsageError):
    """No lab of that name exists, or none was named and there is not exactly one."""

    code = "no-such-lab"


class LabDeadError(LabUsageError):
    """The lab's processes are gone; its run directory with the logs is still there."""

    code = "dead"


class LabStartError(LabError):
    """The lab did not come up. The message has the end of the log that says why."""

    code = "start"


class NotReadyError(LabError):
    """Services were not ready in time. The message names them and has the end of their logs."""

    code = "not-ready"


class LabTimeoutError(LabError):
    """Something inside the lab took longer than the caller allowed."""

    code = "timeout"


class LabGoneError(LabError):
    """The daemon went away in the middle of a request."""

    code = "gone"


BY_CODE: dict[str, type[LabError]] = {
    kind.code: kind
    for kind in (
        LabError,
        LabUsageError,
        UnknownTargetError,
        NameTakenError,
        NoSuchLabError,
        LabDeadError,
        LabStartError,
        NotReadyError,
        LabTimeoutError,
        LabGoneError,
    )
}
