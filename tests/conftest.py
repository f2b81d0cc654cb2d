"""For all tests: what they start can be interrupted; property tests draw the same examples in every run, and
no machine is too slow for them.

`--hypothesis-profile=explore` draws others, and more of them; what it finds becomes a test of its own.
"""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background job, and some runners, ignore it, and so would everything that the tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "cellnet", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", settings.get_profile("cellnet"), derandomize=False, max_examples=1000)
settings.load_profile("cellnet")
