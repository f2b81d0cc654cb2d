"""The values that the core's parts hand to each other: site, intent, reports, journal, clock.

Knows words and shapes. Must not do I/O, read a clock, or know any driver, database or HTTP framework.
"""
