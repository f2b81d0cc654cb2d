"""The import contracts of pyproject.toml hold, and they can fail."""
