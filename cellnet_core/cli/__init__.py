"""The `cellnet` command: the application that collects commands of all packages, and those of the manager.

Knows arguments, tables and exit statuses; talks to the manager through `cellnet_core.client` and to nothing
else. Commands are loaded one at a time: start-up is part of how a command feels.
"""
