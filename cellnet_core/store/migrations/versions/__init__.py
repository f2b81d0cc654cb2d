"""One module per revision, rNNNN_what.py; each names the one before it."""
