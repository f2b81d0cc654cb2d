"""For all tests: property tests draw the same examples in every run, and no machine is too slow for them.

`--hypothesis-profile=explore` draws others, and more of them; what it finds becomes a test of its own.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "cellnet", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", settings.get_profile("cellnet"), derandomize=False, max_examples=1000)
settings.load_profile("cellnet")
