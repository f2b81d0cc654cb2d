"""The doctor: what this machine can and cannot do, found by trying, and what to do about each "no".

Knows kernels, namespaces, programs and Python distributions. Must not change the machine: everything it makes
is made in namespaces that end with the check. `lab up` asks the same questions and refuses in the same words.
"""

from simulator.doctor.examination import checks, require_for_lab
from simulator.doctor.findings import Finding, NotCapableError, missing_for_lab
from simulator.doctor.machine import datapath

__all__ = ["Finding", "NotCapableError", "checks", "datapath", "missing_for_lab", "require_for_lab"]
