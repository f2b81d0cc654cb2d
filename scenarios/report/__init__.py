"""Reports of a run: terminal, JSON, JUnit XML and one self-contained HTML page.

Everything here is made from a `Run` alone. Must not measure or judge: what is printed was decided before.
"""
