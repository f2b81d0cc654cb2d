"""Figures and ratios, measured side by side in one run (`make bench`); never asserted by a timed test."""
